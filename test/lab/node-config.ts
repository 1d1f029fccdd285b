/** The files that containerd, its network plugins and kubelet read. */
import { join } from 'node:path'
import type { NodeAddresses } from './addresses.ts'
import { pauseImage } from './images.ts'

export interface NodeFiles {
  readonly dir: string
  readonly socket: string
  readonly containerdConfig: string
  readonly kubeletConfig: string
  readonly cniDir: string
  readonly resolvConf: string
}

/** Parent of all the lab's pods in every cgroup hierarchy, so that they can be found and removed. */
export const cgroupRoot = '/fairway-lab'

export function nodeFiles(dir: string): NodeFiles {
  return {
    dir,
    socket: join(dir, 'containerd.sock'),
    containerdConfig: join(dir, 'containerd.toml'),
    kubeletConfig: join(dir, 'kubelet.yaml'),
    cniDir: join(dir, 'cni'),
    resolvConf: join(dir, 'resolv.conf'),
  }
}

export function renderContainerd(files: NodeFiles): string {
  return `version = 3
root = "${join(files.dir, 'root')}"
state = "${join(files.dir, 'state')}"
[grpc]
  address = "${files.socket}"
[ttrpc]
  address = "${files.socket}.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${pauseImage}"
[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE, as in many sandboxes, runc cannot lower a score.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "${files.cniDir}"
`
}

/** One link a pod, routed by the node: no bridge, no masquerading, so pods are seen with their own addresses. */
export function renderCni(files: NodeFiles, node: NodeAddresses): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'lab',
    plugins: [
      {
        type: 'ptp',
        ipam: {
          type: 'host-local',
          dataDir: join(files.dir, 'ipam'),
          // Pods get an IPv6 address even in an IPv4 cluster: the operator must reach IPv6 frontends to check them.
          ranges: [[{ subnet: node.pods.v4 }], [{ subnet: node.pods.v6 }]],
          routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  })
}

export function renderKubelet(files: NodeFiles, node: NodeAddresses): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${files.socket}`,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    failSwapOn: false,
    evictionHard: { 'memory.available': '1Mi' },
    podLogsDir: join(files.dir, 'log'),
    resolvConf: files.resolvConf,
    address: node.v4,
    healthzPort: 0,
    nodeStatusUpdateFrequency: '2s',
  })
}
