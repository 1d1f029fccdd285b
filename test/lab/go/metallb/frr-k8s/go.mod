module github.com/metallb/frr-k8s

go 1.24.0

require k8s.io/apimachinery v0.33.0
