import { type Command, InvalidArgumentError, Option } from 'commander'
import { canonicalAddress } from '../model/address.ts'
import { LABEL } from '../model/names.ts'
import type { ImportFlags } from './import.ts'

const SOURCES: readonly ImportFlags['from'][] = ['caddy', 'haproxy']

/** Adds `fairway import`. What it needs is loaded when it runs. */
export function addImportCommand(program: Command, endBySignal: () => AbortSignal): void {
  program
    .command('import')
    .description(
      'read the configuration of an old proxy and print the class, annotations and frontends that do the same; changes nothing',
    )
    .argument('<file>', "Caddy's configuration in JSON, or haproxy.cfg")
    .addOption(new Option('--from <program>', 'whose configuration it is').choices(SOURCES).makeOptionMandatory())
    .option(
      '--address <address...>',
      'what clients know the proxy by, where the old one binds all addresses',
      readAddress,
      [],
    )
    .option('--class <name>', 'name of the class', readLabel, 'public')
    .option('--cluster <name>', 'name of the cluster', readLabel, 'my-cluster')
    .option('-f, --filename <path...>', 'files or folders of manifests in place of a cluster')
    .option(
      '--kubeconfig <file>',
      "cluster to look at (default: $KUBECONFIG, ~/.kube/config, the pod's ServiceAccount)",
    )
    .option('--context <name>', 'context of the kubeconfig')
    .addHelpText(
      'after',
      '\nExample:\n  fairway import /etc/haproxy/haproxy.cfg --from haproxy --address 203.0.113.10 > import.yaml',
    )
    .action(async (file: string, flags: ImportFlags) =>
      (await import('./import.ts')).runImport(file, flags, endBySignal()),
    )
}

function readAddress(text: string, before: readonly string[]): readonly string[] {
  const address = canonicalAddress(text)
  if (address === undefined) throw new InvalidArgumentError('It must be an IPv4 or IPv6 address.')
  return [...before, address]
}

function readLabel(text: string): string {
  if (!LABEL.test(text)) throw new InvalidArgumentError('It must be a DNS label.')
  return text
}
