/** Ways to a cluster and to an edge that do not lead there: a file or a flag is wrong, and nothing else. */
import { readFileSync } from 'node:fs'
import { createAuthority } from '../../lab/certificates.ts'
import { freePort } from '../../lab/free-port.ts'
import { type AccessSetup, clusterWith, edgeWith, flagsOf, listen, relayTo } from './ways.ts'

export const ACCESS_SETUPS: readonly AccessSetup[] = [
  {
    what: 'a token that the API server does not take',
    flags: async (site) => clusterWith(site, 'wrong-token', (text) => text.replaceAll('lab-admin', 'hunter2hunter2')),
    says: ['API server: ApiForbidden', /^The API server does not accept our credentials/, /kubeconfig|token/],
    hides: /hunter2/,
  },
  {
    what: 'an authority that did not sign the API server',
    flags: async (site) => {
      const { certFile } = await createAuthority(site.dir, 'another-ca', site.signal)
      const other = readFileSync(certFile).toString('base64')
      return clusterWith(site, 'wrong-ca', (text) =>
        text.replace(/("certificate-authority-data": ?)"[^"]*"/, `$1"${other}"`),
      )
    },
    says: ['API server: ApiUnreachable', /certificate/, /certificate-authority/],
  },
  {
    what: 'an API server that is not there',
    flags: async (site) => {
      const url = `https://127.0.0.1:${await freePort('127.0.0.1')}`
      return clusterWith(site, 'nowhere', (text) => text.replace(/("server": ?)"[^"]*"/, `$1"${url}"`))
    },
    says: ['API server: ApiUnreachable', /^The API server at https:.* cannot be reached/, /./],
  },
  {
    what: 'a configuration that is not there',
    flags: async ({ kubeconfig }) => ({ broken: ['--config', '/nowhere/fairway.yaml', '--kubeconfig', kubeconfig] }),
    says: ['fairway.yaml: ConfigInvalid', /^There is no configuration at \/nowhere/, /^Name fairway\.yaml by --config/],
  },
  {
    what: 'two default classes',
    flags: async (site) => {
      const { classes, ...rest } = site.config
      const both = classes.map((one) => ({ ...one, default: true }))
      return { broken: flagsOf(site, 'two.yaml', { ...rest, classes: both }) }
    },
    says: ['fairway.yaml: ConfigInvalid', /default/, /./],
  },
  {
    what: 'a key of the configuration that is misspelt',
    flags: async (site) => {
      const text = JSON.stringify(site.config).replace('"addresses"', '"adresses"')
      return { broken: flagsOf(site, 'misspelt.yaml', JSON.parse(text) as object) }
    },
    says: ['fairway.yaml: ConfigInvalid', /unknown key "adresses" \(did you mean "addresses"\?\)/, /./],
  },
  {
    what: 'an edge that is not there: a wrong port',
    flags: async (site) =>
      edgeWith(site, 'port.yaml', { url: `https://${site.address(100)}:${await freePort(site.address(100))}` }),
    says: ['proxy edge-1: ProxyUnreachable', /connection refused/, /^Check that fairway edge runs, and that `listen`/],
  },
  {
    what: 'an edge that is asked without TLS',
    flags: async (site) =>
      edgeWith(site, 'scheme.yaml', {
        url: site.harness.edge.url.replace('https:', 'http:'),
        insecure: true,
        caFile: undefined,
      }),
    says: ['proxy edge-1: ProxyUnreachable', /dropped|hang|reset|TLS/, /scheme|log is on the proxy/],
  },
  {
    what: 'an authority that did not sign the edge',
    flags: async (site) => edgeWith(site, 'ca.yaml', { caFile: site.lab.controlPlane.access.caFile }),
    says: ['proxy edge-1: ProxyUnreachable', /its certificate is not trusted/, /^Check caFile/],
  },
  {
    what: "an edge's certificate that is for another name",
    flags: async (site) => {
      const { url } = site.harness.edge
      const relay = await relayTo(site.address(101), url)
      return {
        ...edgeWith(site, 'name.yaml', {
          url: url.replace(site.address(100), site.address(101)).replace(/\d+$/, relay.port),
        }),
        close: relay.close,
      }
    },
    says: [
      'proxy edge-1: ProxyUnreachable',
      /its certificate is not trusted/,
      /that the certificate is for the host in the URL/,
    ],
  },
  {
    what: 'a token that is of another cluster',
    flags: async (site) => edgeWith(site, 'token.yaml', { tokenFile: site.harness.edge.tokenFile('other/*') }),
    says: [
      'proxy edge-1: ProxyUnauthorized',
      /this credential is not for that table/,
      /^Check tokenFile.* "fairway edge token list"/,
    ],
  },
  {
    what: 'a token that the edge does not know',
    flags: async (site) => edgeWith(site, 'stranger.yaml', { tokenFile: site.file('secret', 'hunter2hunter2hunter2') }),
    says: ['proxy edge-1: ProxyUnauthorized', /./, /^Check tokenFile.* "fairway edge token list"/],
    hides: /hunter2/,
  },
  {
    what: 'a token that is not mounted',
    flags: async (site) => edgeWith(site, 'mount.yaml', { tokenFile: '/nowhere/token' }),
    says: ['proxy edge-1: ConfigInvalid', /\/nowhere\/token/, /^Correct the path, or mount the Secret/],
  },
  {
    what: 'an edge that never answers',
    flags: async (site) => {
      const silent = await listen(() => undefined)
      return {
        ...edgeWith(site, 'silent.yaml', { url: `https://127.0.0.1:${silent.port}`, timeout: '300ms' }),
        close: silent.close,
      }
    },
    says: [
      'proxy edge-1: ProxyUnreachable',
      /no answer within 300 ms/,
      /^Check that the proxy is up, and firewalls on the way/,
    ],
  },
]
