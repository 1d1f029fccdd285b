/** The lab by hand: node test/lab/main.ts up|demo|api|down|build|build-demo|image */
import { buildBinaries, buildCaddy } from './build.ts'
import { type LabMode, startLab } from './lab.ts'
import { acquireLock } from './lock.ts'
import { buildProductImage } from './product-image.ts'
import { toStderr } from './progress.ts'
import { missingRequirements, prepareMachine } from './requirements.ts'
import { apiDirs, sweepApi, sweepLab } from './state.ts'
import { apiBinaries, clusterBinaries } from './versions.ts'

const usage = `usage: node test/lab/main.ts COMMAND
  up          a cluster of three nodes, left running
  demo        the same network with the API server alone and stand-in nodes, left running
  api         an API server on loopback, left running
  down        removes every trace of these
  build       builds every program of the lab, build-demo those of demo and api alone
  image       builds the product's image and prints the path of its archive`

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stop.abort(new Error(`ended by ${name}`)))

try {
  await main(process.argv[2] ?? '', stop.signal)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function main(command: string, signal: AbortSignal): Promise<void> {
  switch (command) {
    case 'up':
      return up('cluster', signal)
    case 'demo':
    case 'api':
      return up(command, signal)
    case 'down':
      return down(signal)
    case 'build':
      return build(clusterBinaries, signal)
    case 'build-demo':
      return build(apiBinaries, signal)
    case 'image':
      await prepareMachine(['image'], toStderr, signal)
      process.stdout.write(`${await buildProductImage(toStderr, signal)}\n`)
      return
    default:
      throw new Error(usage)
  }
}

async function up(mode: LabMode, signal: AbortSignal): Promise<void> {
  await prepareMachine([mode], toStderr, signal)
  const lab = await startLab({ mode, keep: true, lockTimeoutMs: 5_000, progress: toStderr }, signal)
  lab.api.close()
  process.stderr.write(`programs and logs: ${lab.binDir} ${lab.dir}\n`)
  process.stdout.write(`export KUBECONFIG=${lab.kubeconfig}\n`)
}

async function down(signal: AbortSignal): Promise<void> {
  for (const dir of apiDirs()) await sweepApi(dir, signal)
  // Without root there can be no lab with namespaces.
  if (process.geteuid?.() !== 0) return
  const lock = await acquireLock('lab', { timeoutMs: 5_000 }, signal)
  await sweepLab(signal)
  await lock.release()
}

async function build(names: readonly string[], signal: AbortSignal): Promise<void> {
  // Building needs Go alone, and no root.
  const missing = (await missingRequirements(['api'], signal)).filter(
    (line) => line.includes('Go') || line.includes('Linux'),
  )
  if (missing.length > 0) throw new Error(missing.join('\n'))
  // Side by side: one downloads while the other compiles.
  const [binDir, { caddy }] = await Promise.all([buildBinaries(names, toStderr, signal), buildCaddy(toStderr, signal)])
  process.stdout.write(`${binDir}\n${caddy}\n`)
}
