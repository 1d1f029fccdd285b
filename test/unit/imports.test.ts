import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { sourceFiles } from '../support/source-files.ts'

const SRC = resolve(import.meta.dirname, '../../src')

/** Who may import whom, as docs/architecture.md says: folders or files of ours, then packages. `type:` allows types only. */
const RULES: Readonly<Record<string, { readonly ours: readonly string[]; readonly packages: readonly string[] }>> = {
  model: { ours: [], packages: ['ipaddr.js', 'zod'] },
  config: {
    ours: [
      'model',
      'desired/annotation-values.ts',
      'desired/annotations.ts',
      'desired/fixed.ts',
      'desired/label-selector.ts',
      'desired/pools.ts',
      'type:desired/spec.ts',
    ],
    packages: ['zod', 'yaml', 'node:'],
  },
  desired: { ours: ['model', 'type:kube/objects.ts'], packages: [] },
  plan: { ours: ['model'], packages: [] },
  kube: { ours: ['model'], packages: ['@kubernetes/client-node', 'undici', 'node:'] },
  http: { ours: ['model'], packages: ['undici', 'p-retry', 'node:'] },
  caddy: { ours: ['model', 'http'], packages: ['undici', 'zod', 'node:'] },
  haproxy: { ours: ['model'], packages: [] },
  import: { ours: ['model', 'caddy', 'haproxy', 'type:kube/objects.ts'], packages: ['yaml'] },
  drivers: { ours: ['model', 'http', 'caddy', 'haproxy'], packages: ['undici', 'zod', 'node:'] },
  edge: {
    ours: ['model', 'config', 'http', 'caddy', 'haproxy'],
    packages: ['hono', '@hono/node-server', '@peculiar/x509', 'prom-client', 'reflect-metadata', 'zod', 'node:'],
  },
  report: {
    ours: ['model', 'desired', 'plan', 'operator/sites.ts', 'type:kube/objects.ts', 'type:kube/status.ts'],
    packages: [],
  },
  server: {
    ours: ['model', 'type:operator/meter.ts'],
    packages: ['hono', '@hono/node-server', 'prom-client', 'node:'],
  },
  operator: { ours: ['model', 'config', 'desired', 'plan', 'kube'], packages: ['pino', 'node:'] },
  cli: {
    ours: [
      'model',
      'config',
      'desired',
      'plan',
      'kube',
      'http',
      'caddy',
      'import',
      'drivers',
      'edge',
      'operator',
      'report',
      'server',
    ],
    packages: ['commander', 'pino', 'undici', 'yaml', 'node:'],
  },
  'main.ts': { ours: ['cli', 'model'], packages: ['commander', 'node:'] },
}

interface Import {
  readonly target: string
  readonly typeOnly: boolean
}

function importsOf(text: string): readonly Import[] {
  const statements = text.matchAll(
    /^(?:import\s+(?:(?<clause>[\w*{][^'";]*?)\s+from\s+)?|export\s+(?<exported>(?:type\s+)?(?:\*|\{[^}]*\}))[^'";]*?\sfrom\s+)'(?<target>[^']+)'/gm,
  )
  const dynamic = text.matchAll(/\bimport\(\s*'(?<target>[^']+)'/g)
  return [...statements, ...dynamic].map(({ groups }) => ({
    target: groups?.['target'] ?? '',
    typeOnly: (groups?.['clause'] ?? groups?.['exported'])?.startsWith('type ') ?? false,
  }))
}

/** What is wrong with one import of one file, or undefined. */
function breach(file: string, { target, typeOnly }: Import): string | undefined {
  const folder = relative(SRC, file).split('/')[0] ?? ''
  const rule = RULES[folder]
  if (rule === undefined) return `${folder} has no rule`
  if (!target.startsWith('.')) {
    const allowed = rule.packages.some((name) =>
      name.endsWith(':') ? target.startsWith(name) : target === name || target.startsWith(`${name}/`),
    )
    return allowed ? undefined : `package ${target}`
  }
  const path = relative(SRC, resolve(dirname(file), target))
  const other = path.split('/')[0] ?? ''
  if (other === folder || rule.ours.includes(other) || rule.ours.includes(path)) return undefined
  return typeOnly && rule.ours.includes(`type:${path}`) ? undefined : path
}

test('every file imports only what the layout allows', async () => {
  const files = await sourceFiles(SRC, '.ts')
  assert.ok(files.length > 10, 'the sources were not found')
  const breaches: string[] = []
  for (const file of files) {
    for (const one of importsOf(await readFile(file, 'utf8'))) {
      const found = breach(file, one)
      if (found !== undefined) breaches.push(`${relative(SRC, file)} may not import ${found}`)
    }
  }
  assert.deepEqual(breaches, [])
})

test('the rules catch a forbidden import', () => {
  const file = join(SRC, 'plan/diff.ts')
  assert.equal(breach(file, { target: '../kube/client.ts', typeOnly: false }), 'kube/client.ts')
  assert.equal(breach(file, { target: 'undici', typeOnly: false }), 'package undici')
  const checks = join(SRC, 'config/checks.ts')
  assert.equal(breach(checks, { target: '../desired/pools.ts', typeOnly: false }), undefined)
  assert.equal(breach(checks, { target: '../desired/desire.ts', typeOnly: false }), 'desired/desire.ts')
  assert.equal(
    breach(join(SRC, 'desired/build.ts'), { target: '../kube/objects.ts', typeOnly: false }),
    'kube/objects.ts',
  )
  assert.deepEqual(importsOf("import type { A } from './a.ts'\nexport {\n  b,\n} from './b.ts'\n"), [
    { target: './a.ts', typeOnly: true },
    { target: './b.ts', typeOnly: false },
  ])
})
