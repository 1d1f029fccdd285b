// Every YAML of the documents and of deploy/examples is accepted: by our own parsers, by Helm with the chart, or by a real API server.
import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { parseEdgeConfig } from '../../src/config/edge-config.ts'
import { edgeSchema } from '../../src/config/edge-schema.ts'
import { parseConfig } from '../../src/config/load.ts'
import { CHART, findHelm, helm } from '../chart/helm.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { type Block, ROOT, readPages } from './markdown.ts'

type Keys = Readonly<Record<string, unknown>>

const BLOCKS: readonly Block[] = [
  ...readPages().flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'yaml')),
  ...globSync('deploy/examples/*.yaml', { cwd: ROOT }).map((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    return { at: file, file, heading: '', language: 'yaml', text }
  }),
]

/** What a part of a configuration stands in. */
const EDGE = { tls: { certFile: 'edge.crt', keyFile: 'edge.key' }, engine: { haproxy: {} } }
const CLASS = {
  name: 'public',
  pools: [{ name: 'main', addresses: ['203.0.113.10-203.0.113.20'] }],
  proxies: [{ name: 'edge-1', caddy: { url: 'https://10.1.0.100:2021' } }],
}
const VALUES = { image: { repository: 'registry.example/fairway' }, config: { cluster: 'prod-a', classes: [CLASS] } }

let lab: Lab | undefined
const dir = mkdtempSync(join(tmpdir(), 'fairway-docs-'))
before(
  async () => {
    lab = await startLab({ mode: 'api', progress: toStderr }, AbortSignal.timeout(600_000))
    for (const name of ['fairway', 'ingress-nginx', 'team-a']) {
      await lab.kubectl(['create', 'namespace', name], AbortSignal.timeout(20_000))
    }
  },
  { timeout: 600_000 },
)
after(async () => {
  await lab?.stop(AbortSignal.timeout(30_000))
  rmSync(dir, { recursive: true })
})

test('there are manifests', () => assert.ok(BLOCKS.length > 40, `${BLOCKS.length} were found`))

for (const block of BLOCKS) {
  test(`${block.at} is accepted`, { timeout: 60_000 }, async () => acceptBlock(block, AbortSignal.timeout(50_000)))
}

async function acceptBlock({ at, text }: Block, signal: AbortSignal): Promise<void> {
  const documents = parseAllDocuments(text)
  assert.deepEqual(
    documents.flatMap(({ errors }) => errors.map(({ message }) => message)),
    [],
  )
  const [first] = documents.map((one) => one.toJS() as Keys)
  assert.ok(first !== undefined, 'it is empty')
  const named = /^# (edge|fairway|values)\.yaml/.exec(text)?.[1] ?? guess(first)
  if (named === 'manifest') await acceptManifest(text, signal)
  else if (named === 'edge') acceptEdge(first, at)
  else if (named === 'values') await acceptValues(first, at)
  else if (named === 'fairway') acceptConfig(first, at)
  else assert.fail('nobody knows what it is: begin it with "# fairway.yaml", "# edge.yaml" or "# values.yaml"')
}

/** By its keys, where it does not say what it is. */
function guess(keys: Keys): string | undefined {
  if ('kind' in keys && 'apiVersion' in keys) return 'manifest'
  const names = Object.keys(keys)
  if (names.every((name) => ['config', 'image', 'proxySecrets', 'uninstall'].includes(name))) return 'values'
  if ('cluster' in keys || 'proxies' in keys) return 'fairway'
  const edge = Object.keys(edgeSchema.in.shape)
  // Frontends are both: those of a machine say where they listen and to whom they lead.
  const frontends = (keys['frontends'] ?? []) as readonly Keys[]
  const ofMachine = frontends.every((one) => 'address' in one && 'targets' in one)
  if (names.every((name) => edge.includes(name)) && ofMachine) return 'edge'
  return names.length === 1 && names[0] === 'frontends' ? 'fairway' : undefined
}

/** The API server's own answer, of which nothing stays. */
async function acceptManifest(text: string, signal: AbortSignal): Promise<void> {
  if (lab === undefined) throw new Error('the API server did not start')
  await lab.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], signal, { input: text })
}

function acceptEdge(keys: Keys, at: string): void {
  const { engine, ...rest } = EDGE
  parseEdgeConfig(JSON.stringify({ ...rest, ...('engines' in keys ? {} : { engine }), ...keys }), at)
}

function acceptConfig(keys: Keys, at: string): void {
  const whole = 'cluster' in keys ? keys : { cluster: 'prod-a', classes: [{ ...CLASS, ...keys }] }
  parseConfig(JSON.stringify(whole), at)
}

async function acceptValues(keys: Keys, at: string): Promise<void> {
  const { config, ...values } = { ...VALUES, ...keys }
  acceptConfig(config, at)
  const program = findHelm() ?? join(lab?.binDir ?? '', 'helm')
  const file = join(dir, `${at.replaceAll(/\W/g, '-')}.json`)
  writeFileSync(file, JSON.stringify({ ...values, config }))
  const result = await helm(program, ['template', 'fairway', CHART, '-f', file, '--kube-version', '1.36.0'])
  assert.ok(result.ok, result.stderr)
  const made = parseAllDocuments(result.stdout).map((one) => one.toJS() as Keys | null)
  const map = made.find((one) => one?.['kind'] === 'ConfigMap') as { readonly data: Record<string, string> } | undefined
  assert.deepEqual(parse(map?.data['fairway.yaml'] ?? ''), config)
}
