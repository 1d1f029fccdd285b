/** What the lab is made of. Kubernetes, etcd, Helm and containerd are pinned, with checksums, in go/<module>/go.mod and go.sum. */
import { join } from 'node:path'

export const minimumGo = '1.26'
export const nodeMajor = 24
export const npmVersion = '11'
export const debianSuite = 'bookworm'

export interface GoModule {
  readonly name: string
  readonly dir: string
  /** Binary → the package that makes it. */
  readonly packages: Readonly<Record<string, string>>
}

const kubernetes: GoModule = {
  name: 'kubernetes',
  dir: join(import.meta.dirname, 'go/kubernetes'),
  packages: {
    etcd: 'go.etcd.io/etcd/server/v3',
    'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
    kubectl: 'k8s.io/kubernetes/cmd/kubectl',
    'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
    'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
    'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
    kubelet: 'k8s.io/kubernetes/cmd/kubelet',
    agnhost: 'k8s.io/kubernetes/test/images/agnhost',
    helm: 'helm.sh/helm/v3/cmd/helm',
    pause: './pause',
  },
}

const containerd: GoModule = {
  name: 'containerd',
  dir: join(import.meta.dirname, 'go/containerd'),
  packages: {
    containerd: 'github.com/containerd/containerd/v2/cmd/containerd',
    ctr: 'github.com/containerd/containerd/v2/cmd/ctr',
    'containerd-shim-runc-v2': 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
  },
}

export const goModules: readonly GoModule[] = [kubernetes, containerd]
/** The least that shows real Services. */
export const apiBinaries: readonly string[] = ['etcd', 'kube-apiserver', 'kubectl']
export const clusterBinaries: readonly string[] = goModules.flatMap((module) => Object.keys(module.packages))

export interface MetallbModule {
  /** As it is released. */
  readonly version: string
  readonly dir: string
  readonly path: string
}

/** Modules of their own: two releases cannot be required by one, and nothing but the benchmarks builds them. Pinned in go/metallb/NAME/go.mod. */
function metallb(name: string, version: string): MetallbModule {
  return { version, dir: join(import.meta.dirname, 'go/metallb', name), path: 'go.universe.tf/metallb' }
}

export const metallbModules: Readonly<Record<'throttled' | 'newest', MetallbModule>> = {
  throttled: metallb('v0.15', 'v0.15.2'),
  newest: metallb('v0.16', 'v0.16.2'),
}
