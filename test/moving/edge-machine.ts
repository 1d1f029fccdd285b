/** The proxy machine with HAProxy, and what the README's installation does before a document goes on. */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../docs/markdown.ts'
import { runShell } from './document.ts'

export const FIXTURES = join(import.meta.dirname, 'fixtures')

/** Debian's HAProxy as its package leaves it, with a configuration. */
export function writeHaproxy(configuration: string): void {
  mkdirSync('/etc/haproxy', { recursive: true })
  cpSync(configuration, '/etc/haproxy/haproxy.cfg')
}

/** What a clone of the repository and the README's values are to a document. */
export function makeClone(): void {
  for (const name of ['charts', 'deploy']) symlinkSync(join(ROOT, name), name)
  cpSync(join(FIXTURES, 'values.yaml'), 'values.yaml')
}

/**
 * Steps 1 to 3 of the README's installation on the machine, and step 1 of that in the cluster. The program is the one of the sources. `nodes` are on this machine, so
 * the edge has to be told that it may lead there.
 */
export async function installEdge(nodes: readonly string[], address = '10.1.0.100'): Promise<void> {
  mkdirSync('/opt/fairway', { recursive: true })
  symlinkSync(join(ROOT, 'deploy/edge'), '/opt/fairway/edge')
  cpSync(join(FIXTURES, 'shims/fairway'), '/usr/local/bin/fairway')
  await runShell(`groupadd --system fairway-edge
install -d -g fairway-edge -m 0750 /etc/fairway
(umask 077; fairway edge init --cluster prod-a --class public --address ${address} > /run/prod-a.yaml)
echo 'targets: {allow: [${nodes.join(', ')}]}' >> /etc/fairway/edge.yaml
kubectl create namespace fairway
kubectl apply -f /run/prod-a.yaml
`)
}
