/** Ways that lead to something else: a table of another owner, or another program. */
import { startCaddy } from '../../contract/caddy-harness.ts'
import { frontend, pass, tableOf } from '../../contract/tables.ts'
import { buildCaddy } from '../../lab/build.ts'
import { freePort } from '../../lab/free-port.ts'
import { toStderr } from '../../lab/progress.ts'
import { PATIENT_MS } from './service-hands.ts'
import { type AccessSetup, alone, edgeWith, POOL, relayTo } from './ways.ts'

export const FOREIGN_SETUPS: readonly AccessSetup[] = [
  {
    what: 'a cluster that was copied with its names',
    flags: async (site) => {
      const { edge, driver } = site.harness
      const owner = { cluster: 'copy', className: 'public', uid: 'uid-of-the-other' }
      const groups = { nodes: [{ name: 'n1', address: site.machines.address(1) }] }
      await pass(
        driver({ owner, timeoutMs: PATIENT_MS }),
        tableOf(groups, frontend({ address: site.address(POOL), port: 20_201, targetPort: 80, group: 'nodes' })),
        site.signal,
      )
      const access = { url: edge.url, caFile: edge.caFile, tokenFile: edge.tokenFile('copy/*') }
      const broken = alone(site, 'copy.yaml', { edge: access }, { cluster: 'copy' })
      const mend = async (remedy: string) =>
        site.run(...(/"fairway (.*)"/.exec(remedy)?.[1]?.split(' ') ?? []), ...broken)
      return { broken, mend }
    },
    says: [
      'proxy edge-1: OwnerConflict',
      /belongs to another cluster of that name \(UID uid-of-the-other/,
      /if this cluster replaces the other one, run "fairway adopt .* --from uid-of-the-other"$/,
    ],
  },
  {
    what: 'removals that nobody accounts for, as of Services that a wrong view lacks',
    flags: async (site) => {
      const { edge, driver } = site.harness
      const { metadata } = await site.api<{ readonly metadata: { readonly uid: string } }>(
        '/api/v1/namespaces/kube-system',
      )
      const owner = { cluster: 'guarded', className: 'public', uid: metadata.uid }
      const groups = { nodes: [{ name: 'n1', address: site.machines.address(1) }] }
      await pass(
        driver({ owner, timeoutMs: PATIENT_MS }),
        tableOf(groups, frontend({ address: site.address(POOL), port: 20_202, targetPort: 80, group: 'nodes' })),
        site.signal,
      )
      const access = { edge: { url: edge.url, caFile: edge.caFile, tokenFile: edge.tokenFile('guarded/*') } }
      const raised = { cluster: 'guarded', guard: { maxRemoval: '100%' } }
      return {
        broken: alone(site, 'guarded.yaml', access, { cluster: 'guarded' }),
        mended: alone(site, 'raised.yaml', access, raised),
      }
    },
    says: ['proxy edge-1: RemovalHeld', /1 of 1/, /^Check that the operator sees the right cluster/],
  },
  {
    what: 'something else at the URL of an edge',
    flags: async (site) => {
      const caddy = await startCaddy({ program: (await buildCaddy(toStderr, site.signal)).plain })
      return {
        ...edgeWith(site, 'else.yaml', { url: caddy.adminUrl, insecure: true, caFile: undefined }),
        close: () => caddy.close(),
      }
    },
    says: [
      'proxy edge-1: ProxyUnreachable',
      /something that is not fairway edge answers with status/,
      /^Check scheme, host and port of the URL against `listen`/,
    ],
  },
  {
    what: 'a Caddy that is not there',
    flags: async (site) => ({
      broken: alone(site, 'no-caddy.yaml', {
        caddy: { url: `http://127.0.0.1:${await freePort('127.0.0.1')}`, insecure: true },
      }),
    }),
    says: ['proxy edge-1: ProxyUnreachable', /connection refused/, /^Check that Caddy runs, and that admin\.listen/],
  },
  {
    what: 'a Caddy without layer4, before anything was written to it',
    flags: async (site) => {
      const programs = await buildCaddy(toStderr, site.signal)
      const [plain, able] = [
        await startCaddy({ program: programs.plain }),
        await startCaddy({ program: programs.caddy }),
      ]
      const at = (name: string, url: string) => alone(site, name, { caddy: { url, insecure: true } })
      return {
        broken: at('plain.yaml', plain.adminUrl),
        mended: at('able.yaml', able.adminUrl),
        close: async () => Promise.all([plain.close(), able.close()]),
      }
    },
    says: [
      'proxy edge-1: ProxyLayer4Missing',
      /runs a Caddy without the layer4 app/,
      /xcaddy build --with github\.com\/mholt\/caddy-l4/,
    ],
  },
  {
    what: 'a Caddy that is asked under a name that it does not take',
    flags: async (site) => {
      const caddy = await startCaddy({ program: (await buildCaddy(toStderr, site.signal)).caddy })
      const relay = await relayTo('127.0.0.1', caddy.adminUrl)
      const admin = {
        listen: `127.0.0.1:${caddy.adminPort}`,
        origins: [`127.0.0.1:${caddy.adminPort}`, `127.0.0.1:${relay.port}`],
      }
      return {
        broken: alone(site, 'host.yaml', { caddy: { url: `http://127.0.0.1:${relay.port}`, insecure: true } }),
        mend: () => caddy.admin('POST', '/config/admin', admin),
        close: async () => Promise.all([relay.close(), caddy.close()]),
      }
    },
    says: [
      'proxy edge-1: ProxyUnauthorized',
      /host not allowed/,
      /^Check that admin\.origins has the URL's host and port/,
    ],
  },
]
