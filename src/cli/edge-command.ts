import { type Command, Option } from 'commander'

interface GlobalFlags {
  readonly config: string
  readonly logLevel: string
}

interface InitFlags {
  readonly cluster: string
  readonly class?: string
  readonly address: readonly string[]
  readonly name: string
  readonly dir: string
  readonly force: boolean
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Adds `fairway edge` and what belongs to it. What they need is loaded when they run: the operator does without. */
export function addEdgeCommand(program: Command, endBySignal: () => AbortSignal): void {
  const edge = program
    .command('edge')
    .description('run beside the proxy program on its machine: serves the tables that clusters send')
    .addOption(
      new Option('--config <file>', 'configuration').env('FAIRWAY_EDGE_CONFIG').default('/etc/fairway/edge.yaml'),
    )
    .addOption(
      new Option('--log-level <level>', 'least important lines to log')
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .env('FAIRWAY_LOG_LEVEL')
        .default('info'),
    )
    .configureHelp({ showGlobalOptions: true })
    .action(async (flags: GlobalFlags) => (await import('./edge.ts')).edge(flags, endBySignal()))
  addInit(edge)
  addTokens(edge)
  addTables(edge)
}

function addInit(edge: Command): void {
  edge
    .command('init')
    .description('prepare this machine for a cluster: certificate, token, configuration, and a Secret for the cluster')
    .requiredOption('--cluster <name>', "the cluster's name, as its fairway.yaml says")
    .option('--class <name>', 'the class that this proxy serves (default: all of the cluster)')
    .requiredOption('--address <host...>', 'how the operator reaches this machine: names, addresses')
    .option('--name <name>', "the proxy's name in fairway.yaml", 'edge-1')
    .option('--dir <folder>', 'where certificate, tokens and edge.yaml are', '/etc/fairway')
    .option('--force', 'make a new certificate where there is one', false)
    .action(async ({ class: className, address: addresses, ...flags }: InitFlags) => {
      const { initEdge } = await import('../edge/init.ts')
      const { done, manifest } = await initEdge({ ...flags, className, addresses }, new Date())
      for (const line of done) process.stderr.write(`${line}\n`)
      process.stdout.write(manifest)
    })
}

function addTokens(edge: Command): void {
  const token = edge.command('token').description('say who may write which tables')
  token
    .command('add')
    .description('make a token, beside those that are there, and print it: it is not kept')
    .argument('<owner>', 'cluster/class, or cluster/*')
    .action(async (owner: string, _: object, command: Command) => {
      const { addOwnersToken } = await import('./edge-token.ts')
      say(await addOwnersToken(owner, command.optsWithGlobals<GlobalFlags>(), new Date()))
    })
  token
    .command('list')
    .description('print owners, ids and ages of tokens')
    .action(async (_: object, command: Command) => {
      const { listTokens } = await import('./edge-token.ts')
      for (const line of await listTokens(command.optsWithGlobals<GlobalFlags>())) say(line)
    })
  token
    .command('remove')
    .description('end a token at once')
    .argument('<owner>', 'cluster/class, or cluster/*')
    .option('--id <id>', 'the one to remove, as list prints it')
    .option('--all', 'remove all of this owner')
    .action(async (owner: string, flags: { readonly id?: string; readonly all?: boolean }, command: Command) => {
      const { removeTokens } = await import('./edge-token.ts')
      say(await removeTokens(owner, { ...command.optsWithGlobals<GlobalFlags>(), ...flags }))
    })
}

function addTables(edge: Command): void {
  const table = edge.command('table').description('see what clusters have here, and remove what one has left')
  table
    .command('list')
    .description('print owners, sizes and ages of tables')
    .action(async (_: object, command: Command) => {
      const { listTables } = await import('./edge-table.ts')
      for (const line of await listTables(command.optsWithGlobals<GlobalFlags>())) say(line)
    })
  table
    .command('remove')
    .description('serve no more what a cluster has left that will not come back')
    .argument('<owner>', 'cluster/class')
    .action(async (owner: string, _: object, command: Command) => {
      const { removeTable } = await import('./edge-table.ts')
      say(await removeTable(owner, command.optsWithGlobals<GlobalFlags>(), new Date()))
    })
}
