import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { addOwnersToken, listTokens, removeTokens } from '../../../src/cli/edge-token.ts'
import { loadEdgeConfig } from '../../../src/config/edge-config.ts'
import { type InitOptions, initEdge } from '../../../src/edge/init.ts'
import { hashToken, readTokens } from '../../../src/edge/tokens.ts'
import { FairwayError } from '../../../src/model/problems.ts'

let dir: string
const NOW = new Date('2026-08-01T00:00:00Z')

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairway-init-'))
})

afterEach(() => rm(dir, { recursive: true }))

function init(wishes: Partial<InitOptions> = {}) {
  const options = {
    cluster: 'prod-a',
    className: 'public',
    addresses: ['10.1.0.100', 'edge.example'],
    name: 'edge-1',
    dir,
    force: false,
  }
  return initEdge({ ...options, ...wishes }, NOW)
}

function read(name: string): Promise<string> {
  return readFile(join(dir, name), 'utf8')
}

function isInvalid(message: RegExp) {
  return (error: unknown) =>
    error instanceof FairwayError && error.problem.code === 'ConfigInvalid' && message.test(error.problem.message)
}

describe('a new machine', () => {
  test('gets an authority, a certificate for all its names, a configuration and a token', async () => {
    const { done } = await init()
    assert.equal(done.length, 4)
    assert.deepEqual((await readdir(dir)).toSorted(), [
      'ca.crt',
      'ca.key',
      'edge.crt',
      'edge.key',
      'edge.yaml',
      'tokens.yaml',
    ])
    const [ca, cert] = [new X509Certificate(await read('ca.crt')), new X509Certificate(await read('edge.crt'))]
    assert.ok(ca.ca && cert.verify(ca.publicKey) && cert.checkIssued(ca))
    assert.ok(cert.checkIP('10.1.0.100') !== undefined && cert.checkHost('edge.example') !== undefined)
    assert.equal(cert.checkHost('other.example'), undefined)
    assert.equal(Number(new Date(cert.validTo)) <= Number(new Date(ca.validTo)), true)
    assert.equal((await stat(join(dir, 'ca.key'))).mode & 0o077, 0)
    assert.equal((await stat(join(dir, 'edge.key'))).mode & 0o007, 0)
    assert.equal((await loadEdgeConfig(join(dir, 'edge.yaml'))).tokensFile, join(dir, 'tokens.yaml'))
  })

  test('has files that the edge can read, and others cannot, whatever the umask of the administrator is', async () => {
    const umask = process.umask(0o077)
    try {
      await init()
    } finally {
      process.umask(umask)
    }
    const files = ['ca.key', 'edge.key', 'edge.yaml', 'tokens.yaml']
    const stats = await Promise.all(files.map((file) => stat(join(dir, file))))
    assert.deepEqual(
      stats.map(({ mode }) => (mode & 0o777).toString(8)),
      ['600', '640', '640', '640'],
    )
  })

  test('gives a Secret that kubectl takes, whose token is known by its hash only', async () => {
    const { manifest } = await init({ addresses: ['2001:db8::5'] })
    assert.equal(parseAllDocuments(manifest).length, 1)
    const secret = parse(manifest) as { kind: string; metadata: { name: string }; stringData: Record<string, string> }
    assert.deepEqual([secret.kind, secret.metadata.name], ['Secret', 'fairway-edge-1'])
    assert.equal(secret.stringData['ca.crt'], await read('ca.crt').then((text) => `${text.trim()}\n`))
    assert.match(manifest, /^# +url: https:\/\/\[2001:db8::5\]:7443$/m)
    assert.match(manifest, /^# class public:$/m)
    const token = secret.stringData['token'] ?? ''
    assert.match(token, /^fairway_[\w-]{43}$/)
    assert.ok(!(await read('tokens.yaml')).includes(token))
    assert.deepEqual(await readTokens(join(dir, 'tokens.yaml')), [
      { owner: 'prod-a/public', sha256: hashToken(token), created: NOW.toISOString() },
    ])
  })
})

describe('a machine that is prepared already', () => {
  test('keeps what it has for a second cluster, which gets a token of its own', async () => {
    await init()
    const before = await Promise.all(['ca.crt', 'edge.crt', 'edge.key', 'edge.yaml'].map(read))
    await init({ cluster: 'prod-b', className: undefined, addresses: ['edge.example'] })
    assert.deepEqual(await Promise.all(['ca.crt', 'edge.crt', 'edge.key', 'edge.yaml'].map(read)), before)
    const owners = (await readTokens(join(dir, 'tokens.yaml'))).map(({ owner }) => owner)
    assert.deepEqual(owners, ['prod-a/public', 'prod-b/*'])
  })

  test('makes a certificate for other names only when forced, and under the same authority', async () => {
    await init()
    const ca = await read('ca.crt')
    await assert.rejects(init({ addresses: ['10.9.9.9'] }), isInvalid(/edge\.crt is not for 10\.9\.9\.9/))
    assert.equal((await readTokens(join(dir, 'tokens.yaml'))).length, 1)
    await init({ addresses: ['10.9.9.9'], force: true })
    assert.equal(await read('ca.crt'), ca)
    const cert = new X509Certificate(await read('edge.crt'))
    assert.ok(cert.verify(new X509Certificate(ca).publicKey) && cert.checkIP('10.9.9.9') !== undefined)
  })

  for (const name of ['ca.crt', 'ca.key', 'edge.crt', 'edge.key']) {
    test(`overwrites nothing where there is only ${name}`, async () => {
      await writeFile(join(dir, name), 'precious')
      await assert.rejects(init(), isInvalid(/is there, and what belongs to it is not/))
      assert.equal(await read(name), 'precious')
      assert.deepEqual(await readdir(dir), [name])
    })
  }

  test('touches nothing when its configuration is broken', async () => {
    await writeFile(join(dir, 'edge.yaml'), 'listen: here\n')
    await assert.rejects(init(), isInvalid(/edge\.yaml:1: listen/))
    assert.deepEqual(await readdir(dir), ['edge.yaml'])
  })

  test('uses the port, paths and tokens of its configuration', async () => {
    const yaml =
      'listen: 0.0.0.0:9443\ntls: {certFile: a.crt, keyFile: a.key}\ntokensFile: t.yaml\nengine: {haproxy: {}}\n'
    await writeFile(join(dir, 'edge.yaml'), yaml)
    const { manifest } = await init()
    assert.match(manifest, /url: https:\/\/10\.1\.0\.100:9443/)
    assert.deepEqual((await readdir(dir)).toSorted(), ['a.crt', 'a.key', 'ca.crt', 'ca.key', 'edge.yaml', 't.yaml'])
  })
})

describe('bad input', () => {
  const cases: readonly (readonly [wishes: Partial<InitOptions>, message: RegExp])[] = [
    [{ cluster: 'Prod A' }, /^--cluster "Prod A" is not a DNS label/],
    [{ cluster: '' }, /^--cluster "" is not/],
    [{ cluster: 'webhook' }, /^a cluster cannot be named "webhook" on an edge/],
    [{ className: '*' }, /^--class "\*" is not a DNS label/],
    [{ name: 'edge_1' }, /^--name "edge_1" is not/],
    [{ addresses: [] }, /^--address is missing/],
    [{ addresses: ['https://edge.example'] }, /^--address "https:\/\/edge\.example" is neither/],
    [{ addresses: ['*.example'] }, /^--address "\*\.example" is neither/],
    [{ addresses: ['10.1.0.256'] }, /^--address "10\.1\.0\.256" is neither/],
  ]
  for (const [wishes, message] of cases) {
    test(JSON.stringify(wishes), async () => {
      await assert.rejects(init(wishes), isInvalid(message))
      assert.deepEqual(await readdir(dir), [])
    })
  }
})

describe('fairway edge token', () => {
  test('adds, lists and removes', async () => {
    await init()
    const flags = { config: join(dir, 'edge.yaml') }
    const token = await addOwnersToken('prod-a/public', flags, NOW)
    const id = hashToken(token).slice(0, 8)
    const lines = await listTokens(flags)
    assert.equal(lines.length, 2)
    assert.equal(lines[1], `prod-a/public ${id} since 2026-08-01T00:00:00.000Z`)
    await assert.rejects(removeTokens('prod-a/public', flags), isInvalid(/has several tokens/))
    await assert.rejects(removeTokens('prod-a/public', { ...flags, id: 'ffff' }), isInvalid(/has no token ffff/))
    await assert.rejects(removeTokens('prod-b/public', flags), isInvalid(/has no token/))
    assert.equal(await removeTokens('prod-a/public', { ...flags, id }), `prod-a/public has no token ${id} any more`)
    assert.deepEqual(await listTokens(flags), lines.slice(0, 1))
    await removeTokens('prod-a/public', flags)
    assert.deepEqual(await listTokens(flags), [])
  })

  test('knows owners only', async () => {
    await init()
    for (const owner of ['prod-a', '*', '*/*', 'a/b/c', 'A/b']) {
      await assert.rejects(addOwnersToken(owner, { config: join(dir, 'edge.yaml') }, NOW), isInvalid(/is not an owner/))
    }
    const adding = addOwnersToken('webhook/default', { config: join(dir, 'edge.yaml') }, NOW)
    await assert.rejects(adding, isInvalid(/cannot be named "webhook"/))
  })
})
