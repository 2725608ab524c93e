from imgsvc._kernels import __test__ as __test__
from imgsvc._kernels import copy as copy
from imgsvc._kernels import mean_3x3 as mean_3x3
from imgsvc._kernels import mirror as mirror
from imgsvc._kernels import openmp as openmp
from imgsvc._kernels import transpose as transpose
