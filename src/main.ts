#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from 'commander'
import { addCommands } from './cli/commands.ts'
import { addEdgeCommand } from './cli/edge-command.ts'
import { run } from './cli/run.ts'
import { VERSION } from './cli/version.ts'
import { printableLines } from './model/printable.ts'
import { errorText } from './model/problems.ts'

const PORTS = { least: 0, most: 65_535 }

function readPort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < PORTS.least || port > PORTS.most)
    throw new InvalidArgumentError('It must be a port number.')
  return port
}

/** SIGTERM and SIGINT end the work in hand in good order; a second one ends the process at once. */
function endBySignal(): AbortSignal {
  const ending = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (ending.signal.aborted) process.exit(1)
      ending.abort()
    })
  }
  return ending.signal
}

interface RunFlags {
  readonly leaseName: string
  readonly leaseNamespace?: string
  readonly config: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly healthPort: number
  readonly metrics: 'on' | 'off'
  readonly logLevel: string
}

const program = new Command('fairway')
  .description('Exposes Kubernetes Services through a proxy outside the cluster.')
  .version(VERSION, '--version', 'print the version')
  .showHelpAfterError()

program
  .command('run')
  .description('run the operator: in a pod, or anywhere with a kubeconfig')
  .addOption(new Option('--config <file>', 'configuration').env('FAIRWAY_CONFIG').default('/etc/fairway/fairway.yaml'))
  .option('--kubeconfig <file>', "cluster to watch (default: $KUBECONFIG, ~/.kube/config, the pod's ServiceAccount)")
  .option('--context <name>', 'context of the kubeconfig')
  .addOption(
    new Option('--health-port <port>', '/healthz, /readyz and /metrics')
      .argParser(readPort)
      .env('FAIRWAY_HEALTH_PORT')
      .default(8080),
  )
  .addOption(
    new Option(
      '--page <address:port>',
      'serve the status page there, as 127.0.0.1:8090; on another address than loopback it asks for a token',
    ).env('FAIRWAY_PAGE'),
  )
  .addOption(
    new Option('--metrics <on|off>', 'serve /metrics').choices(['on', 'off']).env('FAIRWAY_METRICS').default('on'),
  )
  .addOption(
    new Option('--log-level <level>', 'least important lines to log')
      .choices(['trace', 'debug', 'info', 'warn', 'error'])
      .env('FAIRWAY_LOG_LEVEL')
      .default('info'),
  )
  .addOption(
    new Option(
      '--lease-namespace <namespace>',
      'elect a leader among replicas by a Lease there; without it this is the only one',
    ).env('FAIRWAY_LEASE_NAMESPACE'),
  )
  .addOption(new Option('--lease-name <name>', 'name of the Lease').env('FAIRWAY_LEASE_NAME').default('fairway'))
  .action(({ metrics, ...flags }: RunFlags) =>
    run({ leaseNamespace: undefined, ...flags, metrics: metrics === 'on' }, endBySignal()),
  )

addEdgeCommand(program, endBySignal)

addCommands(program, endBySignal)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`fairway: ${printableLines(errorText(error))}\n`)
  process.exitCode = 1
}
