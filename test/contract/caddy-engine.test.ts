/** The engine contract on a real Caddy. */
import { startHarness } from './caddy-engine-harness.ts'
import { engineContract } from './engine-suite.ts'

const NO_HTTP_CHECKS =
  'caddy-l4 checks by connecting to the port that traffic goes to, and in no other way (mholt/caddy-l4#458)'

engineContract({
  name: 'caddy',
  targetsChange: 'reload',
  start: startHarness,
  skips: {
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
  },
})
