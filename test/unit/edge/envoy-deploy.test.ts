/** The files of deploy/edge for Envoy, the defaults of edge.yaml and the engine name the same paths. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { envoySchema } from '../../../src/config/edge-engine-envoy.ts'
import { FILES } from '../../../src/edge/engines/envoy/folder.ts'

const DEPLOY = resolve(import.meta.dirname, '../../../deploy/edge')
const read = (name: string) => readFile(join(DEPLOY, name), 'utf8')

interface Bootstrap {
  readonly admin: { readonly address: { readonly pipe: { readonly path: string; readonly mode: number } } }
  readonly dynamic_resources: Readonly<
    Record<string, { path_config_source: { path: string; watched_directory: { path: string } } }>
  >
}

test('the bootstrap names what the engine writes and asks', async () => {
  const { configDir, admin, binary } = envoySchema.parse({})
  const { admin: told, dynamic_resources } = parse(await read('envoy.yaml')) as Bootstrap
  assert.deepEqual(told.address.pipe, { path: admin, mode: 0o660 })
  for (const [key, kind] of [['cds_config', 'clusters'] as const, ['lds_config', 'listeners'] as const]) {
    assert.deepEqual(dynamic_resources[key]?.path_config_source, {
      path: join(configDir, 'current', FILES[kind]),
      watched_directory: { path: join(configDir, `watch-${kind}`) },
    })
  }
  assert.match(await read('systemd/fairway-envoy.service'), new RegExp(`^ExecStart=${binary} -c `, 'm'))
  for (const name of ['systemd/fairway-edge-envoy.conf', 'tmpfiles-envoy.conf', 'sysusers-envoy.conf']) {
    assert.ok((await read(name)).includes(configDir), name)
  }
})

test('the admin endpoint of Envoy is of this machine', () => {
  for (const admin of ['/run/x.sock', '127.0.0.1:9901', '[::1]:9901']) {
    assert.equal(envoySchema.parse({ admin }).admin, admin)
  }
  for (const admin of ['0.0.0.0:9901', '10.0.0.1:9901', 'localhost:9901', '127.0.0.1', '127.0.0.1:0', 'x.sock', '']) {
    assert.equal(envoySchema.safeParse({ admin }).success, false, admin)
  }
})
