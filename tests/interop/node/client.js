// Reads requests as JSON lines from stdin, calls the server, and writes the answers as JSON lines.
//
//   node client.js TARGET PROTO
//   {"method": "MeanFilter", "image": {"color": false, "width": 1, "height": 1, "data": "<base64>"}}
//   {"method": "RotateImage", "rotation": "NINETY_DEG", "image": {...}}
'use strict'

const readline = require('node:readline')
const grpc = require('@grpc/grpc-js')
const protoLoader = require('@grpc/proto-loader')

const [target, proto] = process.argv.slice(2)
const contract = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { keepCase: true, enums: String, defaults: true }))
const client = new contract.NLImageService(target, grpc.credentials.createInsecure(), {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1
})

function call (line) {
  const { method, rotation, image } = JSON.parse(line)
  const message = { ...image, data: Buffer.from(image.data, 'base64') }
  const request = method === 'RotateImage' ? { rotation, image: message } : message
  return new Promise((resolve) => {
    client[method](request, { deadline: Date.now() + 30000 }, (error, answer) => {
      resolve(error ? { code: grpc.status[error.code], details: error.details } : { ...answer, data: answer.data.toString('base64') })
    })
  })
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await call(line)) + '\n')
  }
  client.close()
}

main()
