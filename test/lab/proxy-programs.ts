/** Every program that an edge of the lab can work, by its name. */
import { buildSmallCaddy } from './build.ts'
import { fetchEnvoy } from './envoy.ts'
import type { Lab } from './lab.ts'
import { toStderr } from './progress.ts'
import { prepareCaddy } from './proxy-caddy.ts'
import { prepareEnvoy } from './proxy-envoy.ts'
import { prepareHaproxy } from './proxy-haproxy.ts'
import { prepareNginx } from './proxy-nginx.ts'
import type { ProxyProgram } from './proxy-program.ts'
import { prepareMachine } from './requirements.ts'

interface Maker {
  /** Brings what labs have no other use for; gives where the program is, unless it is in the path. */
  readonly bring: (signal: AbortSignal) => Promise<string>
  /** `name` is of the unit and of its folder. */
  readonly prepare: (lab: Lab, name: string, binary: string) => ProxyProgram
}

const MAKERS = {
  haproxy: { bring: async () => '', prepare: (lab, name) => prepareHaproxy(lab, name) },
  nginx: { bring: bringNginx, prepare: (lab, name) => prepareNginx(lab, name) },
  envoy: { bring: bringEnvoy, prepare: prepareEnvoy },
  caddy: { bring: async (signal) => buildSmallCaddy(toStderr, signal), prepare: prepareCaddy },
} as const satisfies Readonly<Record<string, Maker>>

async function bringNginx(signal: AbortSignal): Promise<string> {
  await prepareMachine(['nginx'], toStderr, signal)
  return ''
}

async function bringEnvoy(signal: AbortSignal): Promise<string> {
  await prepareMachine(['envoy'], toStderr, signal)
  return fetchEnvoy(toStderr, signal)
}

export type ProgramName = keyof typeof MAKERS

/** What takes long: done before there is a lab. */
export async function bringProgram(program: ProgramName, signal: AbortSignal): Promise<void> {
  await MAKERS[program].bring(signal)
}

/** Sets a program up on the edge machine. `name` is of its unit and of its folder. */
export async function prepareProgram(
  lab: Lab,
  program: ProgramName,
  name: string,
  signal: AbortSignal,
): Promise<ProxyProgram> {
  return MAKERS[program].prepare(lab, name, await MAKERS[program].bring(signal))
}
