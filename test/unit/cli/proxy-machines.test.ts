import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lookAtMachines } from '../../../src/cli/proxy-machines.ts'
import { service } from '../../support/builders.ts'
import { settledWorld, surveyOf } from './rig.ts'

test('a Caddy on this machine is looked at, one elsewhere is not', async () => {
  const proc = mkdtempSync(join(tmpdir(), 'fairway-proc-'))
  try {
    mkdirSync(join(proc, 'sys/net/ipv4'), { recursive: true })
    const survey = await surveyOf(await settledWorld([service('web')]))
    const at = (url: string) => ({
      ...survey,
      classes: survey.classes.map((one) => ({ ...one, proxies: one.proxies.map((proxy) => ({ ...proxy, url })) })),
    })
    const set = (value: string) => writeFileSync(join(proc, 'sys/net/ipv4/tcp_migrate_req'), `${value}\n`)
    set('0')
    for (const here of ['http://127.0.0.1:2019', 'http://localhost:2019', 'https://[::1]:2021'])
      assert.match((await lookAtMachines(at(here), proc)).get(here)?.message ?? '', /tcp_migrate_req is off/)
    set('1')
    assert.deepEqual(
      [...(await lookAtMachines(at('http://127.0.0.1:2019'), proc))],
      [['http://127.0.0.1:2019', undefined]],
    )
    assert.equal((await lookAtMachines(at('https://203.0.113.1:2021'), proc)).size, 0)
  } finally {
    rmSync(proc, { recursive: true })
  }
})
