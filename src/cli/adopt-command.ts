import type { Command } from 'commander'
import type { Format } from './output.ts'

/** As `withCommon` in commands.ts has them. */
interface Flags {
  readonly config: string
  readonly configMap?: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly output: Format
  readonly timeout: number
  readonly class: string
  readonly proxy?: string
  readonly from?: string
}

/** Adds `fairway adopt`. */
export function addAdoptCommand(
  program: Command,
  withCommon: (command: Command) => Command,
  examples: (...lines: readonly string[]) => string,
  limit: (flags: Pick<Flags, 'timeout'>) => AbortSignal,
): void {
  const adopt = program
    .command('adopt')
    .description('take over what a cluster of the same name has left on the proxies; what is served stays as it is')
    .requiredOption('--class <name>', 'whose proxies')
    .option('--proxy <name>', 'one of them (default: all)')
    .option('--from <uid>', "the old cluster's UID; without it who holds what is told, and nothing is changed")
  withCommon(adopt)
    .addHelpText(
      'after',
      examples('adopt --class public', 'adopt --class public --from 0d5c9b1e-6b0f-4d0e-9a55-2f6f2f1f6c11'),
    )
    .addHelpText('after', '\nExit code: 0 nothing to adopt (any more), 2 something to adopt, 1 failed or refused.')
    .action(async (flags: Flags) => (await import('./run-commands.ts')).runAdopt(flags, limit(flags)))
}
