/** Broken set-ups of real programs: what `fairway doctor` and `fairway explain` say of each, and that doing what they say mends it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '../lab/wait.ts'
import { ACCESS_SETUPS } from './setups/access.ts'
import { BREAKDOWNS, NODE_BREAKDOWNS, NODES_OUT } from './setups/breakdowns.ts'
import { CLUSTER_SETUPS } from './setups/cluster.ts'
import { failuresIn, find, problemsIn, type Saying } from './setups/complaints.ts'
import { FOREIGN_SETUPS } from './setups/foreign.ts'
import { addService, pathOf } from './setups/service-hands.ts'
import { SERVICE_SETUPS, type ServiceSetup } from './setups/services.ts'
import { createNode, type Site, startSite } from './setups/site.ts'

const LEADER = ['--lease-namespace', 'default']

describe('set-ups', () => {
  const signal = AbortSignal.timeout(540_000)
  let site: Site
  before(async () => {
    site = await startSite(signal)
  })
  after(() => site?.stop())

  /** Asks doctor until it says all that is expected: operators and checks take some time to find out. */
  async function doctorSays(sayings: readonly Saying[], ...flags: readonly string[]): Promise<string> {
    let out = ''
    const isSaid = async () => {
      const ran = await site.fairway('doctor', ...flags)
      out = ran.out
      for (const saying of sayings) find(failuresIn(out), saying, out)
      assert.equal(ran.code, 1)
      return true
    }
    await waitFor('doctor to say it', isSaid, { timeoutMs: 90_000, intervalMs: 300 }, signal)
    return out
  }

  describe('of nodes', () => {
    test('cut off, dead and half open, all at once', async () => {
      const mends = []
      for (const { breaks } of NODE_BREAKDOWNS) mends.push(await breaks(site))
      const sayings = NODE_BREAKDOWNS.flatMap(({ says }) => says(site))
      await doctorSays(sayings)
      for (const mend of mends) await mend()
      await site.isWell()
    })

    test('that take no traffic', async () => {
      for (const [name, { address, ready, labels }] of NODES_OUT)
        await createNode(site, name, { address, ready, labels })
      const { out } = await site.fairway('explain', 'service', 'web')
      for (const [, , says] of NODES_OUT) assert.match(out, says)
      for (const [name] of NODES_OUT) await site.api(`/api/v1/nodes/${name}`, 'DELETE')
    })
  })

  describe('of the proxy', () => {
    for (const { what, breaks, service = 'web', says } of BREAKDOWNS) {
      test(what, async () => {
        const mend = await breaks(site)
        try {
          const sayings = says(site)
          await doctorSays(sayings, '--no-dial')
          const { out } = await site.fairway('explain', 'service', service)
          for (const saying of sayings) find(problemsIn(out), saying, out)
        } finally {
          await mend()
        }
        await site.isWell()
      })
    }
  })

  describe('of the operator in its cluster', () => {
    for (const { what, flags, breaks, says, mend } of CLUSTER_SETUPS) {
      test(what, async () => {
        await breaks(site)
        const { code, out } = await site.fairway('doctor', '--no-dial', ...flags)
        assert.equal(code, 1)
        const found = failuresIn(out)
        for (const saying of says) find(found, saying, out)
        await mend(site, found)
        const again = await site.fairway('doctor', '--no-dial', ...flags)
        assert.equal(again.code, 0, again.out)
      })
    }
  })

  describe('of the way there', { concurrency: 2 }, () => {
    for (const { what, flags, says, hides } of [...ACCESS_SETUPS, ...FOREIGN_SETUPS]) {
      test(what, async () => {
        const { broken, mend, mended, close } = await flags(site)
        try {
          const { code, out, err } = await site.run('doctor', '--no-dial', ...broken)
          assert.equal(code, 1, out + err)
          const { remedy } = find(failuresIn(out), says, out)
          if (hides !== undefined) assert.doesNotMatch(out + err, hides)
          if (mend === undefined && mended === undefined) return
          await mend?.(remedy)
          const again = await site.run('doctor', '--no-dial', ...(mended ?? broken))
          assert.ok(
            failuresIn(again.out).every(({ head }) => head !== says[0]),
            again.out,
          )
        } finally {
          await close?.()
        }
      })
    }
  })

  // The last one: other Services have node ports at which nothing answers here.
  describe('of Services, all at once', () => {
    let said = ''
    const undo = new Map<ServiceSetup, () => Promise<unknown>>()
    before(async () => {
      for (const name of ['guests', 'crowded']) await site.api('/api/v1/namespaces', 'POST', { metadata: { name } })
      await Promise.all(SERVICE_SETUPS.map(breakService))
      said = await doctorSays(SERVICE_SETUPS.map(sayingOf), '--no-dial')
    })

    async function breakService(setup: ServiceSetup, index: number): Promise<void> {
      const { service, annotations = {}, spec } = setup
      const undone = await setup.before?.(site)
      if (undone !== undefined) undo.set(setup, undone)
      const meta = typeof annotations === 'function' ? annotations(site) : annotations
      await addService(site, service, meta, { ports: [{ port: 20_100 + index }], ...spec })
      await setup.after?.(site)
    }

    for (const setup of SERVICE_SETUPS) {
      test(setup.what, async () => {
        find(failuresIn(said), sayingOf(setup), said)
        const { code, out } = await site.fairway('explain', 'service', fullName(setup))
        assert.equal(code, 0)
        find(problemsIn(out), sayingOf(setup), out)
      })
    }

    test('doing what they say mends all of it', async () => {
      for (const setup of SERVICE_SETUPS) {
        if (setup.mend === 'before') await undo.get(setup)?.()
        else await site.api(pathOf(setup.service), 'PATCH', setup.mend(site))
      }
      await site.isWell()
    })
  })

  test('and after all of it, it is well', async () => {
    const { code, out } = await site.fairway('doctor', ...LEADER)
    assert.equal(code, 0, out)
  })
})

function sayingOf(setup: ServiceSetup): Saying {
  return [`Service ${fullName(setup)}: ${setup.code}`, setup.cause, setup.remedy]
}

function fullName({ service }: ServiceSetup): string {
  return service.includes('/') ? service : `default/${service}`
}
