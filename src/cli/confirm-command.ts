import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ConfirmFlags } from './confirm.ts'
import { FORMATS, type Format } from './output.ts'

type Flags = ConfirmFlags & { readonly output: Format; readonly timeout: number }

/** Of eight hexadecimal digits, as the guard writes it. */
const WORD = /^[0-9a-f]{8}$/

/** Adds `fairway confirm`. `limit` bounds an action by its `--timeout`, which `withTimeout` adds. */
export function addConfirmCommand(
  program: Command,
  withTimeout: (command: Command) => Command,
  limit: (flags: Flags) => AbortSignal,
): void {
  const confirm = program
    .command('confirm')
    .description('let the operator remove what its guard holds back: once, and exactly what the word stands for')
    .argument('<word>', 'as the problem RemovalHeld names it', readWord)
    .addOption(
      new Option('--lease-namespace <namespace>', 'where the operator has its Lease')
        .env('FAIRWAY_LEASE_NAMESPACE')
        .default('fairway'),
    )
    .addOption(new Option('--lease-name <name>', 'name of the Lease').env('FAIRWAY_LEASE_NAME').default('fairway'))
    .option(
      '--kubeconfig <file>',
      "cluster of the operator (default: $KUBECONFIG, ~/.kube/config, the pod's ServiceAccount)",
    )
    .option('--context <name>', 'context of the kubeconfig')
    .addOption(new Option('-o, --output <format>', 'form of the answer').choices(FORMATS).default('text'))
  withTimeout(confirm)
    .addHelpText('after', '\nExample:\n  fairway confirm 3f9a2c1d --lease-namespace fairway')
    .action(async (word: string, flags: Flags) =>
      (await import('./run-commands.ts')).runConfirm(word, flags, limit(flags)),
    )
}

function readWord(text: string): string {
  if (!WORD.test(text)) throw new InvalidArgumentError('It must be eight hexadecimal digits.')
  return text
}
