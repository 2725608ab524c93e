// Calls imgsvc.v1: reads one JSON document from stdin, and writes one with the answers. Bytes are base64.
//
//   node image_client.js TARGET PROTO_FOLDER
//   {"process": [<ProcessRequest>, ...], "batch": [<ProcessBatchRequest>, ...]}
'use strict'

const path = require('node:path')
const grpc = require('@grpc/grpc-js')
const protoLoader = require('@grpc/proto-loader')

const [target, folder] = process.argv.slice(2)
const options = { keepCase: true, enums: String, bytes: String, longs: Number, oneofs: true, includeDirs: [folder] }
const definition = protoLoader.loadSync(path.join('imgsvc', 'v1', 'image_service.proto'), options)
const { ImageService } = grpc.loadPackageDefinition(definition).imgsvc.v1
const client = new ImageService(target, grpc.credentials.createInsecure(), {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1
})

const deadline = () => ({ deadline: Date.now() + 60000 })
const failure = (error) => ({ code: grpc.status[error.code], details: error.details })

function callProcess (request) {
  return new Promise((resolve) => {
    client.Process(request, deadline(), (error, answer) => resolve(error ? failure(error) : answer))
  })
}

// Writes no faster than the stream takes, then half-closes; the results come meanwhile and afterwards.
function callBatch (messages) {
  return new Promise((resolve) => {
    const results = []
    const call = client.ProcessBatch(deadline())
    call.on('data', (answer) => results.push(...answer.results))
    call.on('error', (error) => resolve({ results, ...failure(error) }))
    call.on('end', () => resolve({ results }))
    const write = () => {
      while (messages.length > 0) {
        if (!call.write(messages.shift())) {
          call.once('drain', write)
          return
        }
      }
      call.end()
    }
    write()
  })
}

async function main () {
  const chunks = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  const asked = JSON.parse(Buffer.concat(chunks))
  const answers = { process: [] }
  for (const request of asked.process || []) answers.process.push(await callProcess(request))
  if (asked.batch) answers.batch = await callBatch(asked.batch)
  process.stdout.write(JSON.stringify(answers))
  client.close()
}

main()
