import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { type Certificate, createAuthority, issueServerCertificate } from '../../../src/edge/certificates.ts'
import { closeServer, createApiServer, listen } from '../../../src/edge/servers.ts'
import { readTls, watchTls } from '../../../src/edge/tls-files.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { silentLog } from '../../support/operator-world.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairway-edge-'))
})

afterEach(() => rm(folder, { recursive: true }))

function isInvalid(error: unknown): boolean {
  return error instanceof FairwayError && error.problem.code === 'ConfigInvalid'
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail('it never happened')
}

test('a new certificate is used at once, a broken one not at all', async () => {
  const authority = await createAuthority('test', new Date())
  const paths = { certFile: join(folder, 'a.crt'), keyFile: join(folder, 'a.key'), clientCaFile: undefined }
  const write = async ({ cert, key }: Certificate) => {
    await writeFile(paths.certFile, cert)
    await writeFile(paths.keyFile, key)
  }
  const first = await issueServerCertificate(authority, ['127.0.0.1'], new Date())
  await write(first)
  const tls = await readTls(paths)
  const server = createApiServer(() => new Response('hello'), tls)
  const port = await listen(server, { host: '127.0.0.1', port: 0 }, 'listen')
  const stop = new AbortController()
  try {
    const watch = watchTls(paths, tls, server, 10, silentLog, stop.signal)
    const serial = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', ca: authority.cert }, () => {
          resolve(socket.getPeerCertificate().serialNumber)
          socket.destroy()
        })
        socket.on('error', reject)
      })
    const before = await serial()
    const second = await issueServerCertificate(authority, ['127.0.0.1'], new Date())
    await write(second)
    await until(async () => (await serial()) !== before)
    const good = await serial()
    await write({ cert: second.cert, key: first.key })
    await new Promise((resolve) => setTimeout(resolve, 60))
    assert.equal(await serial(), good)
    assert.equal(watch.current().key, second.key)
  } finally {
    stop.abort()
    await closeServer(server)
  }
})

async function writeAll(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
}
function read(clientCaFile?: string) {
  return readTls({
    certFile: join(folder, 'a.crt'),
    keyFile: join(folder, 'a.key'),
    clientCaFile: clientCaFile && join(folder, clientCaFile),
  })
}

describe('files are refused', () => {
  test('that are not there, do not belong together, or are being written', async () => {
    const authority = await createAuthority('test', new Date())
    const [one, other] = [
      await issueServerCertificate(authority, ['127.0.0.1'], new Date()),
      await issueServerCertificate(authority, ['127.0.0.1'], new Date()),
    ]
    await assert.rejects(read(), isInvalid)
    await writeAll({ 'a.crt': one.cert, 'a.key': other.key })
    await assert.rejects(read(), isInvalid)
    await writeAll({ 'a.crt': '', 'a.key': '' })
    await assert.rejects(read(), isInvalid)
    await writeAll({ 'a.crt': one.cert, 'a.key': one.key })
    assert.equal((await read()).key, one.key)
  })

  test('that name no authority for clients', async () => {
    const authority = await createAuthority('test', new Date())
    const one = await issueServerCertificate(authority, ['127.0.0.1'], new Date())
    await writeAll({ 'a.crt': one.cert, 'a.key': one.key, 'empty.crt': '', 'ca.crt': authority.cert })
    await assert.rejects(read('empty.crt'), isInvalid)
    await assert.rejects(read('a.crt'), isInvalid)
    await assert.rejects(read('nothing.crt'), isInvalid)
    assert.equal((await read('ca.crt')).ca, authority.cert)
  })
})
