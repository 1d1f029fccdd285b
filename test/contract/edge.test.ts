import { startEdge } from './edge-harness.ts'
import { local } from './net.ts'
import { driverContract } from './suite.ts'

const skip =
  process.platform === 'linux' ? undefined : 'needs Linux: sockets are counted in /proc, targets live on 127.0.0.0/8'
driverContract({ name: 'edge', start: () => startEdge({ address: local(1) }), skip })
