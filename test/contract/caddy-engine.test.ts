/** The engine contract on a real Caddy. */
import { startHarness } from './caddy-engine-harness.ts'
import { engineContract } from './engine-suite.ts'
import { CADDY_SKIPS } from './skips.ts'

engineContract({
  name: 'caddy',
  targetsChange: 'reload',
  start: startHarness,
  skips: CADDY_SKIPS,
})
