/** What a kind of program cannot pass of a suite: test → reason. `npm test` fails on any other skip. */

type Skips = Readonly<Record<string, string>>

const NO_HTTP_CHECKS =
  'caddy-l4 checks by connecting to the port that traffic goes to, and in no other way (mholt/caddy-l4#458)'
export const CADDY_SKIPS: Skips = {
  'balance by source keeps a client at its target, and moves few when one joins':
    'caddy-l4 spreads clients of one network unevenly (FNV-1a); caddy-engine-own.test.ts has the rest of it',
  'affinity brings a client back to its target for as long as was asked':
    'caddy-l4 hashes the client and remembers nothing',
  'more connections than the limit are closed': 'caddy-l4 counts connections and never takes them off again',
  'an idle connection ends after the time that was asked, and a busy one does not':
    'caddy-l4 has idle timeouts for UDP only',
  'a node whose health port says no gets no connections, of any frontend': NO_HTTP_CHECKS,
  'each node is asked once, however many frontends lead to it': NO_HTTP_CHECKS,
  'a check that nobody asked for never takes all targets out': NO_HTTP_CHECKS,
  'a state that is given while the program is away is served when it comes':
    'Caddy alone writes what it starts with; it is given the state once it is back (caddy-engine-own.test.ts)',
  'no connection is lost while other frontends come and go':
    'without net.ipv4.tcp_migrate_req a change resets connections that wait to be accepted; caddy-engine-drops.test.ts measures it with',
}

export const ENVOY_SKIPS: Skips = {
  'affinity brings a client back to its target for as long as was asked':
    'Envoy finds targets by a hash of the client, and keeps no table of clients',
  'each node is asked once, however many frontends lead to it':
    'each cluster of Envoy checks its targets by itself; those that nobody asked for are limited in number',
}

const PLUS = 'only nginx Plus asks targets for their health'
export const NGINX_SKIPS: Skips = {
  'a node whose health port says no gets no connections, of any frontend': PLUS,
  'each node is asked once, however many frontends lead to it': PLUS,
  'a check that nobody asked for never takes all targets out': PLUS,
  'a target that refuses connections on its own port is taken out by a check of that port': PLUS,
  'affinity brings a client back to its target for as long as was asked': 'nginx remembers no clients: it hashes them',
}

const ONE_SERVER = 'a port leads to one server, and the test wants two'
const NO_READING = 'nothing can be read back: what was sent is taken for what is there'
const NO_ANSWER = 'what came of a call is not told'
const NO_HOSTS = 'its script knows no server names'
export const WEBHOOK_SKIPS: Skips = {
  'from nothing to a table, the same again without a write, and back to nothing': ONE_SERVER,
  'targets learn the client from PROXY headers': 'its script writes one version of the header',
  'only clients in the source ranges are served': 'its script knows no source ranges',
  'balance by source keeps a client at one target': ONE_SERVER,
  'targets are checked as often as is asked for, and not otherwise': 'its script knows no checks',
  'a frontend without targets is kept, and serves when they come': 'there is nothing to call for without a target',
  'targets may have ports of their own': ONE_SERVER,
  'a published address may be bound elsewhere': 'its script opens a port on all addresses',
  'IPv6 at either end and at both': 'its script knows IPv4 alone',
  'Services on one socket are told apart by server name': NO_HOSTS,
  'without a Service for the rest, other names are turned away': NO_HOSTS,
  'one of several on a socket comes, changes and goes; the others and their connections stay': NO_HOSTS,
  'source ranges are those of the Service that a client names': NO_HOSTS,
  'one of several on a socket is kept, though the table lacks it': NO_HOSTS,
  'an edit of one of several on a socket is found and put right': NO_HOSTS,
  'a kill and a restart lose no names': NO_HOSTS,
  'what the proxy cannot do is refused by code, for that frontend alone': ONE_SERVER,
  'targets that are no addresses get nowhere': ONE_SERVER,
  'a rejected configuration leaves the one before serving': NO_ANSWER,
  'a port that another process holds harms nobody else': NO_ANSWER,
  'a kill and a restart lose nothing': ONE_SERVER,
  'an apply that is aborted leaves the old or the new, never a mixture': 'each port is a call of its own',
  'an edit by hand is found and put right': NO_READING,
  'a race that is lost is transient, and the next pass wins': 'there is nothing to compare and swap',
  'what is not ours survives everything, byte for byte': NO_READING,
  "a port of somebody else's is refused and its holder named": NO_READING,
  'owners with similar names do not see each other': NO_READING,
  'an address and port of another owner is refused': NO_READING,
  'a copied owner is refused whole': NO_READING,
  'other classes of our cluster are listed, and removed where nobody accounts for them': NO_READING,
}

export const NO_DATAPLANE =
  "no package has HAProxy's Data Plane API v3; with its program in FAIRWAY_DATAPLANEAPI the contract runs against it"
