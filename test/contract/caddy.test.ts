import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { startCaddy } from './caddy-harness.ts'
import { driverContract } from './suite.ts'

const { caddy } = await buildCaddy(toStderr, AbortSignal.timeout(1_800_000))

const skip =
  process.platform === 'linux' ? undefined : 'needs Linux: sockets are counted in /proc, targets live on 127.0.0.0/8'
driverContract({ name: 'caddy', start: () => startCaddy({ program: caddy }), skip })
