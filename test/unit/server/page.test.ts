import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { View } from '../../../src/model/view.ts'
import { createPageApp } from '../../../src/server/page.ts'
import { type Access, guardLoopback } from '../../../src/server/page-access.ts'
import { readPageFiles } from '../../../src/server/page-files.ts'

const VIEW: View = {
  cluster: 'lab',
  troubles: [],
  troubleCount: 0,
  classes: [],
  frontends: [],
  groups: [],
  nodes: [],
  changes: [],
}
const files = await readPageFiles()

/** A page over a view that a test can change. */
function createRig(access: Access = 'allowed') {
  const rig = { revision: 1, view: VIEW as View | undefined, made: 0, nowMs: 0 }
  const source = {
    revision: () => rig.revision,
    view: () => {
      rig.made++
      return rig.view
    },
    pulse: () => ({ role: 'leading' as const, passes: [], troubles: {} }),
  }
  const app = createPageApp(
    source,
    files,
    () => Promise.resolve(access),
    () => rig.nowMs,
  )
  return { rig, get: (path: string, headers: Record<string, string> = {}) => app.request(path, { headers }) }
}

const REFUSALS = [
  { access: 'unknown', status: 401 },
  { access: 'forbidden', status: 403 },
  { access: 'misdirected', status: 421 },
  { access: 'unavailable', status: 503 },
] as const

for (const { access, status } of REFUSALS)
  test(`${access}: ${status} for what is of the cluster, and for a path that is not there; the files are everybody's`, async () => {
    const { rig, get } = createRig(access)
    for (const path of ['/view.json', '/pulse.json', '/other.json', '/a/b.json']) {
      const answer = await get(path)
      assert.equal(answer.status, status, path)
      assert.equal((await answer.text()).includes('lab'), false)
    }
    assert.equal(rig.made, 0)
    assert.equal((await get('/')).status, 200)
  })

test('each answer forbids scripts and frames of others, and what is not known to be of a type', async () => {
  const { get } = createRig()
  for (const path of ['/', '/main.js', '/view.json', '/pulse.json', '/nothing', '/..%2fpage.ts']) {
    const { headers } = await get(path)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/, path)
    assert.match(policy, /frame-ancestors 'none'; require-trusted-types-for 'script'/, path)
    assert.doesNotMatch(policy, /unsafe|\*|http/, path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('access-control-allow-origin'), null, path)
  }
})

test('the page only reads', async () => {
  const app = createPageApp(
    { revision: () => 1, view: () => VIEW, pulse: () => ({ role: 'leading', passes: [], troubles: {} }) },
    files,
    guardLoopback,
  )
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    assert.equal((await app.request('/view.json', { method, headers: { host: 'localhost' } })).status, 405)
})

test('a view that is known is not sent again', async () => {
  const { rig, get } = createRig()
  const first = await get('/view.json')
  const etag = first.headers.get('etag') ?? ''
  assert.deepEqual(await first.json(), VIEW)
  assert.equal((await get('/view.json', { 'if-none-match': etag })).status, 304)
  rig.revision++
  rig.nowMs += 1_000
  assert.equal((await get('/view.json', { 'if-none-match': etag })).status, 304, 'a pass that changed nothing')
  rig.view = { ...VIEW, troubleCount: 1 }
  rig.revision++
  rig.nowMs += 1_000
  assert.equal((await get('/view.json', { 'if-none-match': etag })).status, 200)
})

test('however many ask, a view is made once a second', async () => {
  const { rig, get } = createRig()
  await Promise.all(Array.from({ length: 20 }, async () => get('/pulse.json')))
  assert.equal(rig.made, 1)
  rig.revision++
  rig.nowMs = 999
  await get('/view.json')
  assert.equal(rig.made, 1)
  rig.nowMs = 1_000
  await get('/view.json')
  await get('/view.json')
  assert.equal(rig.made, 2)
  rig.nowMs = 60_000
  await get('/view.json')
  assert.equal(rig.made, 2, 'without anything new')
})

test('a pulse names the version of the view, and none before the first pass', async () => {
  const { rig, get } = createRig()
  rig.view = undefined
  assert.deepEqual(await (await get('/pulse.json')).json(), { role: 'leading', passes: [], troubles: {} })
  assert.equal((await get('/view.json')).status, 503)
  rig.view = VIEW
  rig.revision++
  rig.nowMs = 5_000
  const { version } = (await (await get('/pulse.json')).json()) as { readonly version: string }
  assert.equal((await get('/view.json')).headers.get('etag'), version)
})

test('a view is packed for whoever takes that', async () => {
  const { get } = createRig()
  const packed = await get('/view.json', { 'accept-encoding': 'gzip, br' })
  assert.equal(packed.headers.get('content-encoding'), 'gzip')
  assert.deepEqual(JSON.parse(gunzipSync(await packed.arrayBuffer()).toString()), VIEW)
  assert.equal((await get('/view.json', { 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding'), null)
})

test('every file that the page names is there, and none is from elsewhere', async () => {
  for (const [path, { body, type }] of files) {
    const text = new TextDecoder().decode(body)
    assert.doesNotMatch(text.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\//, path)
    const named = [...text.matchAll(/(?:from '\.\/|(?:href|src)=")(?<name>[\w.-]+)['"]/g)]
    for (const { groups } of named) assert.ok(files.has(`/${groups?.['name']}`), `${path} names ${groups?.['name']}`)
    if (type.startsWith('text/javascript'))
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/, path)
  }
  assert.ok(files.size > 10)
})
