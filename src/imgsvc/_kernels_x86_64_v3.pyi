from imgsvc._kernels import copy as copy, mean_3x3 as mean_3x3, mirror as mirror, openmp as openmp
from imgsvc._kernels import transpose as transpose
