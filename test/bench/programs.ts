/** The programs that are measured, by their names. */
import { makeHaproxies, type Program } from './by-hand.ts'
import { makeCaddies } from './by-hand-caddy.ts'
import { makeEnvoys } from './by-hand-envoy.ts'
import { makeNginxes } from './by-hand-nginx.ts'

export interface ProgramKind {
  /** As people call it. */
  readonly title: string
  /** How a changed target comes to it, and what that is by hand. */
  readonly targets: 'runtime' | 'reload'
  /** Most that a new Service may take, as a multiple of the time by hand; undefined: that is only told, for a program that is quicker than the edge. */
  readonly mostRatio?: number
  /** What is done by hand, for people who read the numbers. */
  readonly byHand: string
  readonly make: () => Promise<Program>
}

export const PROGRAMS: Readonly<Record<string, ProgramKind>> = {
  caddy: {
    title: 'Caddy',
    targets: 'reload',
    byHand: 'all of its configuration, posted to its admin API',
    make: makeCaddies,
  },
  envoy: {
    title: 'Envoy',
    targets: 'reload',
    byHand: 'both of its files and a move in the folder that it watches for each, until it says that it has them',
    make: makeEnvoys,
  },
  haproxy: {
    title: 'HAProxy',
    targets: 'runtime',
    // The program's own work is most of a reload at many frontends; the rest (arbitration, drawing the file, putting table and file on the disk) may add half of it.
    mostRatio: 1.5,
    byHand:
      "`haproxy -c` and a reload by the master's socket, until the new worker answers; or the same runtime commands, sent to the worker, which its next start undoes",
    make: makeHaproxies,
  },
  nginx: {
    title: 'nginx',
    targets: 'reload',
    byHand: '`nginx -t` and `SIGHUP`, until new workers are there and those before take no more connections',
    make: makeNginxes,
  },
}
