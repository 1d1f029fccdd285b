/** How credentials travel: TLS 1.3 and nothing before it, by whatever driver, and all of them replaced while an operator works, without a pass that fails. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { drivers } from '../../src/drivers/index.ts'
import { createAuthority, issueServerCertificate } from '../../src/edge/certificates.ts'
import { addToken } from '../../src/edge/init.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { type EdgeHarness, startEdge } from '../contract/edge-harness.ts'
import { local } from '../contract/net.ts'
import { frontend, PROD, pass, tableOf } from '../contract/tables.ts'
import { freePort } from '../lab/free-port.ts'
import { waitFor } from '../lab/wait.ts'
import { clientCertificate } from '../unit/edge/client-certificate.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {} }

test('no driver speaks anything before TLS 1.3, and each says what is missing', async (context) => {
  const authority = await createAuthority('old', new Date())
  const { cert, key } = await issueServerCertificate(authority, ['127.0.0.1'], new Date())
  const server = createServer({ cert, key, maxVersion: 'TLSv1.2' }, (_request, response) => response.end('{}'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => server.close())
  const address = server.address()
  const url = `https://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
  const dir = await mkdtemp(join(tmpdir(), 'fairway-tls-'))
  context.after(() => rm(dir, { recursive: true }))
  const [caFile, tokenFile, userFile] = [join(dir, 'ca.crt'), join(dir, 'token'), join(dir, 'user')]
  await Promise.all([writeFile(caFile, authority.cert), writeFile(tokenFile, 'token'), writeFile(userFile, 'a:b')])
  const common = { proxy: 'edge-1', url, tls: { caFile }, owner: PROD, timeoutMs: 5_000, log, probe: false, listen: {} }
  const made = {
    caddy: drivers.caddy.create({ ...common, declares: () => false }),
    edge: drivers.edge.create({ ...common, epoch: 1, tokenFile }),
    dataplane: drivers.dataplane.create({ ...common, declares: () => false, userFile, reloadTimeoutMs: 1_000 }),
    webhook: drivers.webhook.create({
      ...common,
      declares: () => false,
      tokenFile,
      header: 'X-Token',
      sendProxy: 'off',
      resendMs: 1_000,
      spacingMs: 0,
    }),
  }
  for (const [kind, driver] of Object.entries(made)) {
    const error = await driver.read(context.signal).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof FairwayError, kind)
    assert.match(error.problem.message, /does not speak TLS 1\.3/, kind)
    await driver.close()
  }
})

/** Puts a file in place as kubelet does with a Secret: whole, at one moment. */
async function mount(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

function shownCertificate({ edge }: EdgeHarness, ca: readonly string[]): Promise<string> {
  const { hostname: host, port } = new URL(edge.url)
  return new Promise((done, reject) => {
    const socket = connect({ host, port: Number(port), ca: [...ca] }, () => {
      done(socket.getPeerX509Certificate()?.toString() ?? '')
      socket.end()
    })
    socket.on('error', reject)
  })
}

test("an edge's certificate, its authority, a token and a client's certificate are replaced without a gap", {
  timeout: 170_000,
}, async (context) => {
  const { signal } = context
  const site = await startEdge({ address: local(1) })
  try {
    const { dir } = site.edge
    const at = (name: string) => join(dir, name)
    const [clients, newClients] = [
      await createAuthority('clients', new Date()),
      await createAuthority('new clients', new Date()),
    ]
    const oldCa = await readFile(at('ca.crt'), 'utf8')
    const save = async (name: string, signer = clients) => {
      const { cert, key } = await clientCertificate(signer, { uri: 'fairway:prod/public' })
      // One file for both, so that no reader finds one of each: two of them are never replaced at one moment.
      await mount(at(`${name}.pem`), [cert, key].join('\n'))
      return { certFile: at(`${name}.pem`), keyFile: at(`${name}.pem`), caFile: at('trusted.crt') }
    }
    await writeFile(at('clients.crt'), clients.cert)
    await writeFile(at('trusted.crt'), oldCa)
    await site.edge.configure({ tls: { certFile: 'edge.crt', keyFile: 'edge.key', clientCaFile: 'clients.crt' } })
    await site.edge.end('SIGTERM')
    await site.edge.start()
    const tokenFile = at('rotated-token')
    await mount(tokenFile, await addToken(at('tokens.yaml'), 'prod/*', new Date()))
    const tls = await save('client')
    const byCertificate = site.driver({ tokenFile: undefined, tls })
    const byToken = site.driver({
      tokenFile,
      tls: { caFile: at('trusted.crt') },
      owner: { ...PROD, className: 'internal' },
    })
    const groups = { both: [{ name: 'a', address: local(11) }] }
    const table = async () => tableOf(groups, frontend({ port: await freePort(local(5)), targetPort: 80 }))
    const tables = [await table(), await table()]

    // Passes of both, one after the other, as fast as they go. One that fails ends the test.
    let passes = 0
    const over = new AbortController()
    const passing = (async () => {
      for (; !over.signal.aborted; passes++) {
        const [first, second] = tables
        assert.ok(first !== undefined && second !== undefined)
        await Promise.all([pass(byCertificate, first, signal), pass(byToken, second, signal)])
      }
    })()
    passing.catch(() => over.abort())
    const until = (what: string, holds: () => Promise<boolean>) =>
      Promise.race([waitFor(what, holds, { timeoutMs: 60_000 }, signal), passing.then(() => undefined)])
    const goOn = () => {
      const enough = passes + 3
      return until('passes to go on', async () => passes >= enough)
    }

    await goOn()
    // A new authority of the edge: first it is trusted, then used, then alone.
    const newCa = await createAuthority('edge', new Date())
    const { cert, key } = await issueServerCertificate(newCa, [local(1)], new Date())
    await mount(at('trusted.crt'), [oldCa, newCa.cert].join('\n'))
    await mount(at('clients.crt'), [clients.cert, newClients.cert].join('\n'))
    await mount(at('edge.key'), key)
    await goOn()
    await mount(at('edge.crt'), cert)
    await until(
      'the new certificate',
      async () => (await shownCertificate(site, [oldCa, newCa.cert])).trim() === cert.trim(),
    )
    await mount(at('trusted.crt'), newCa.cert)
    await goOn()
    await assert.rejects(shownCertificate(site, [oldCa]))

    // A client's certificate by another authority, and a token in place of another one.
    const former = site.driver({ tokenFile: undefined, tls: await save('former') })
    await former.read(signal)
    await save('client', newClients)
    await goOn()
    await mount(at('clients.crt'), newClients.cert)
    const second = await addToken(at('tokens.yaml'), 'prod/*', new Date())
    await mount(tokenFile, second)
    await goOn()
    const isRefused = () =>
      former.read(signal).then(
        () => false,
        (error: unknown) => error instanceof FairwayError && error.problem.code === 'ProxyUnauthorized',
      )
    // A connection from before is no better than a new one.
    await until('the old authority of clients to be forgotten', isRefused)
    await goOn()
    over.abort()
    await passing
  } finally {
    await site.close()
  }
})
