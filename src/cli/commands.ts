import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../model/duration.ts'
import { FairwayError } from '../model/problems.ts'
import { addAdoptCommand } from './adopt-command.ts'
import { addConfirmCommand } from './confirm-command.ts'
import { addImportCommand } from './import-command.ts'
import { FORMATS, type Format } from './output.ts'
import { VERSION } from './version.ts'

interface CommonFlags {
  readonly config: string
  readonly configMap?: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly filename?: readonly string[]
  readonly proxies: boolean
  readonly output: Format
  readonly timeout: number
}

type Ended = () => AbortSignal

/** Adds the commands that look at a cluster and its proxies, and change nothing but for `confirm`, `release` and `adopt`. What they need is loaded when they run. */
export function addCommands(program: Command, endBySignal: Ended): void {
  // By its name kubectl finds its plugin, and by this people find their way.
  program.name(process.env['FAIRWAY_COMMAND'] ?? 'fairway')
  addPlan(program, endBySignal)
  addStatus(program, endBySignal)
  addExplain(program, endBySignal)
  addDoctor(program, endBySignal)
  addRender(program, endBySignal)
  addDrain(program, endBySignal)
  addConfirmCommand(program, withTimeout, (flags) => limit(flags, endBySignal()))
  addRelease(program, endBySignal)
  addAdoptCommand(program, withCommon, examples, (flags) => limit(flags, endBySignal()))
  addImportCommand(program, endBySignal)
  addVersion(program)
}

function addPlan(program: Command, ended: Ended): void {
  const plan = program
    .command('plan')
    .description("show what the operator's next pass would change on each proxy and each Service; changes nothing")
  withManifests(withCommon(plan))
    .addHelpText(
      'after',
      examples('plan', 'plan -f manifests/ --config fairway.yaml', 'plan -o json --config-map fairway/fairway'),
    )
    .addHelpText('after', '\nExit code: 0 nothing to do, 2 changes, 1 something could not be read.')
    .action(async (flags: CommonFlags) => (await import('./run-commands.ts')).runPlan(flags, limit(flags, ended())))
}

function addStatus(program: Command, ended: Ended): void {
  const status = program
    .command('status')
    .description('show classes, pools, proxies and what is served, problems first')
    .option('-a, --all', 'every Service, and not those alone that are not wholly served', false)
  withProxies(withCommon(status))
    .addHelpText('after', examples('status', 'status --all', 'status --no-proxies --config-map fairway/fairway'))
    .action(async (flags: CommonFlags & { readonly all: boolean }) =>
      (await import('./run-commands.ts')).runStatus(flags, limit(flags, ended())),
    )
}

function addExplain(program: Command, ended: Ended): void {
  const explain = program.command('explain').description('say why something is as it is')
  const service = explain
    .command('service')
    .alias('svc')
    .description(
      'say why a Service has its address, which nodes take its traffic, who serves it, and what to do about each problem',
    )
    .argument('<name>', 'NAMESPACE/NAME, or NAME with -n')
    .option('-n, --namespace <namespace>', 'where the Service is', 'default')
  withManifests(withProxies(withCommon(service)))
    .addHelpText(
      'after',
      examples('explain service team-a/web', 'explain service web -n team-a', 'explain svc team-a/web -o yaml'),
    )
    .action(async (name: string, flags: CommonFlags & { readonly namespace: string }) =>
      (await import('./run-commands.ts')).runExplain(name, flags, limit(flags, ended())),
    )
}

interface DoctorFlags extends CommonFlags {
  readonly serviceAccount?: string
  readonly leaseNamespace?: string
  readonly leaseName: string
  readonly dial: boolean
}

function addDoctor(program: Command, ended: Ended): void {
  const doctor = program
    .command('doctor')
    .description('look for what is wrong: permissions, configuration, proxies, pools, Services, node ports')
    .option('--service-account <namespace/name>', 'whose permissions to look at (default: of whoever asks)')
    .option('--lease-namespace <namespace>', 'where the operator has its Lease')
    .option('--lease-name <name>', 'name of the Lease', 'fairway')
    .option('--no-dial', 'do not connect to node ports')
  withProxies(withCommon(doctor))
    .addHelpText('after', examples('doctor', 'doctor --service-account fairway/fairway --lease-namespace fairway'))
    .addHelpText('after', '\nExit code: 1 when something fails.')
    .action(async (flags: DoctorFlags) => (await import('./run-commands.ts')).runDoctor(flags, limit(flags, ended())))
}

interface RenderFlags extends CommonFlags {
  readonly proxy?: string
  readonly class?: string
}

function addRender(program: Command, ended: Ended): void {
  const render = program
    .command('render')
    .description("print our part of a proxy's configuration as it shall be: Caddy's servers, or the table for others")
    .option('--proxy <name>', 'the proxy, where there are several')
    .option('--class <name>', 'its class, where it has several')
  withManifests(withCommon(render))
    .addHelpText('after', examples('render --proxy edge-1', 'render -f manifests/ --config fairway.yaml -o yaml'))
    .action(async (flags: RenderFlags) => (await import('./run-commands.ts')).runRender(flags, limit(flags, ended())))
}

function addDrain(program: Command, ended: Ended): void {
  const drain = program
    .command('drain')
    .description('show what hangs on a proxy, and how to take it out; changes nothing')
    .argument('<proxy>', 'its name in fairway.yaml')
  withManifests(withProxies(withCommon(drain)))
    .addHelpText('after', examples('drain edge-1'))
    .action(async (proxy: string, flags: CommonFlags) =>
      (await import('./run-commands.ts')).runDrain(proxy, flags, limit(flags, ended())),
    )
}

interface ReleaseFlags extends CommonFlags {
  readonly keep?: boolean
  readonly drain?: boolean
  readonly stopDeployment?: string
  readonly leaseNamespace?: string
  readonly leaseName: string
}

function addRelease(program: Command, ended: Ended): void {
  const release = program
    .command('release')
    .description(
      'let go of all Services before Fairway is taken out of a cluster; the chart does it when it is uninstalled',
    )
    .option('--keep', 'leave what the proxies serve, and the addresses on the Services')
    .option('--drain', 'empty the proxies of what they serve for this cluster, and the Services of what Fairway wrote')
    .option('--stop-deployment <namespace/name>', "the operator's, whose pods are ended first")
    .option('--lease-namespace <namespace>', 'where the operator has its Lease; without it no operator may be running')
    .option('--lease-name <name>', 'name of the Lease', 'fairway')
  withCommon(release)
    .addHelpText(
      'after',
      examples(
        'release --keep --stop-deployment fairway/fairway --lease-namespace fairway --config-map fairway/fairway',
      ),
    )
    .addHelpText('after', '\nExit code: 1 when something is left; run it again then, what is done stays done.')
    .action(async (flags: ReleaseFlags) => (await import('./run-commands.ts')).runRelease(flags, limit(flags, ended())))
}

function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .addOption(new Option('-o, --output <format>', 'form of the answer').choices(FORMATS).default('text'))
    .addHelpText('after', examples('version', 'version -o json'))
    .action(async ({ output }: Pick<CommonFlags, 'output'>) =>
      (await import('./run-commands.ts')).runVersion(VERSION, output),
    )
}

function withCommon(command: Command): Command {
  return withTimeout(command)
    .addOption(
      new Option('--config <file>', 'configuration').env('FAIRWAY_CONFIG').default('/etc/fairway/fairway.yaml'),
    )
    .option('--config-map <namespace/name>', 'configuration, in a ConfigMap of the cluster')
    .option(
      '--kubeconfig <file>',
      "cluster to look at (default: $KUBECONFIG, ~/.kube/config, the pod's ServiceAccount)",
    )
    .option('--context <name>', 'context of the kubeconfig')
    .addOption(new Option('-o, --output <format>', 'form of the answer').choices(FORMATS).default('text'))
}

function withTimeout(command: Command): Command {
  return command.addOption(
    new Option('--timeout <duration>', 'for all of it').argParser(readDuration).default(60_000, '60s'),
  )
}

function withManifests(command: Command): Command {
  return command.option(
    '-f, --filename <path...>',
    'files or folders of manifests in place of a cluster; proxies are not asked',
  )
}

function withProxies(command: Command): Command {
  return command.option('--no-proxies', 'do not ask the proxies')
}

function examples(...lines: readonly string[]): string {
  const name = process.env['FAIRWAY_COMMAND'] ?? 'fairway'
  return `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((one) => `  ${name} ${one}`).join('\n')}`
}

function readDuration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('It must be a duration like 30s.')
  return ms
}

/** Ends by a signal of ours, or when the time is up. */
function limit({ timeout }: Pick<CommonFlags, 'timeout'>, signal: AbortSignal): AbortSignal {
  const late = new AbortController()
  setTimeout(() => late.abort(tooLate(timeout)), timeout).unref()
  return AbortSignal.any([signal, late.signal])
}

function tooLate(timeoutMs: number): FairwayError {
  return new FairwayError({
    code: 'ApiUnreachable',
    kind: 'transient',
    message: `It is not done after ${timeoutMs / 1_000} s`,
    remedy: 'Give it more time by --timeout; --no-proxies, where there is one, leaves out the proxies',
  })
}
