/** Which test runs which block of the documents. Each test says at its end what it has run (ledger.ts), and fails where that is something else. */
import { type Block, readPages } from './markdown.ts'

/** Tests, and what they run: `FILE`, `FILE > HEADING`, or `FILE > HEADING > WORDS OF THE BLOCK`. */
export const RUNS: Readonly<Record<string, readonly string[]>> = {
  'test/docs/annotations.test.ts': [
    'docs/annotations.md',
    'docs/how-to/affinity-and-local.md',
    'docs/how-to/beside-others.md',
  ],
  'test/docs/machines.test.ts': [
    'docs/edge-caddy.md',
    'docs/edge-envoy.md',
    'docs/edge-nginx.md',
    'docs/edge.md > Addresses',
    'docs/edge.md > Backup, upgrade, removal > tar czf',
    'docs/edge.md > Clusters and tokens > clients.key',
    'docs/edge.md > Clusters and tokens > prod-b',
    'docs/edge.md > Configuration',
    'docs/edge.md > The API',
    'docs/edge.md > When something is wrong',
    'docs/how-to/several-clusters.md > Several clusters on one machine > edge init',
    'docs/how-to/two-machines.md > Two machines, one address (VRRP) > install-on',
    'docs/how-to/two-machines.md > Two machines, one address (VRRP) > sysctl --system',
    'docs/how-to/two-machines.md > Two machines, one address (VRRP) > vrrp_script',
    'docs/start/caddy.md',
    'docs/start/envoy.md',
    'docs/start/haproxy.md',
    'docs/start/nginx.md',
    'docs/webhook.md > An edge takes the calls',
  ],
  'test/docs/readme.test.ts': [
    'README.md > The cluster',
    'README.md > The proxy machine: HAProxy and `fairway edge`',
    'charts/fairway/README.md',
    'deploy/README.md',
    'docs/cli.md > Where they run',
    'docs/cli.md > release',
    'docs/edge.md > Backup, upgrade, removal > rm /etc/systemd',
    'docs/edge.md > Clusters and tokens > --id',
    'docs/edge.md > Clusters and tokens > patch secret',
    'docs/edge.md > Firewall',
    'docs/how-to/node-port-firewall.md',
    'docs/how-to/rebuild-a-cluster.md',
    'docs/observability.md',
    'docs/start/caddy-admin.md',
    'docs/status-page.md',
    'docs/troubleshooting.md',
    'docs/upgrades.md',
  ],
  'test/resilience/adopt.test.ts': ['docs/how-to/rebuild-a-cluster.md'],
  'test/moving/from-caddy-json.test.ts': ['docs/moving/from-caddy-json.md'],
  'test/moving/from-kubelb.test.ts': ['docs/moving/from-kubelb.md'],
  'test/moving/from-poor-mans-k8s-lb.test.ts': ['docs/moving/from-poor-mans-k8s-lb.md'],
  'test/moving/from-praqma-script.test.ts': ['docs/moving/from-praqma-script.md'],
}

/** What no test runs as it stands, and why. */
export const EXCUSED: Readonly<Record<string, string>> = {
  'README.md > Try it': 'the stages "demo" run it with --once, and npm test is the run that this is part of',
  'CONTRIBUTING.md > Checks and tests':
    'they are npm test and its stages; commands.test.ts sees that all of them exist',
  'docs/cli.md > explain': 'an example of the form, with a node that is not ready: explain.test.ts has such ones whole',
  'docs/cli.md > plan': 'an example of the form, with one change of each kind: plan.test.ts has such ones whole',
  'docs/dataplane.md > What it needs > userlist':
    'a piece of an HAProxy configuration; test/contract has the real API with such a user',
}

/** Programs that the commands find in place of what a person has. All else is real. */
export const STAND_INS: Readonly<Record<string, string>> = {
  'ssh, scp': 'the machine is in namespaces of this one, with a systemd of its own; there is no network to it',
  docker: 'there is no registry: the image is on the nodes already, built from the same Dockerfile',
  xcaddy: 'puts the Caddy of the tests in place, which has a module layer4, or FAIRWAY_CADDY',
  'kubectl exec': 'in test/resilience/adopt.test.ts, where no pods run: it runs fairway beside the test',
  fairway: '`npm run --silent fairway --` of the clone, without the look whether packages are installed',
}

/** Languages of what people type or copy; what has no language is typed where its first line begins with `$ `. */
const TYPED = new Set(['sh', 'yaml', 'ini', 'conf'])

/** All blocks that somebody has to answer for. */
export const BLOCKS: readonly Block[] = readPages().flatMap(({ blocks }) =>
  blocks.filter(({ language, text }) => TYPED.has(language) || (language === '' && text.startsWith('$ '))),
)

/** The blocks that a place names. Throws where there are none: then the document has changed. */
export function blocksAt(place: string): readonly Block[] {
  const [file = '', heading, part = ''] = place.split(' > ')
  const found = BLOCKS.filter(
    (block) => block.file === file && (heading === undefined || block.heading === heading) && block.text.includes(part),
  )
  if (found.length === 0) throw new Error(`there is no block at "${place}": see test/docs/account.ts`)
  return found
}
