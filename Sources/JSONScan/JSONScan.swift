// JSONScan
