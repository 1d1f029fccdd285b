/** The parts of `npm test`, in the order of their price. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestRecord } from './counts-reporter.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const REPORTER = join(import.meta.dirname, 'counts-reporter.ts')

export interface StageResult {
  readonly records: readonly TestRecord[]
  /** Of the program that ran the tests: a crash fails the stage whatever the records say. */
  readonly exitCode: number
}

export interface Stage {
  readonly name: string
  readonly what: string
  readonly run: (env: NodeJS.ProcessEnv, signal: AbortSignal) => Promise<StageResult>
  /** Runs some of its files once more; only where programs of others, clocks and the machine's load have a part in the outcome. */
  readonly again?: (files: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal) => Promise<StageResult>
}

/** `npm run soak` tries properties with so many times the cases. */
const SOAK = Number(process.env['FAIRWAY_SOAK'] ?? 1)

/** Tests with real programs, below some globs. `atOnce`: files side by side, where they mostly wait and each has a world of its own. */
function realTests(globs: readonly string[], timeoutMs: number, atOnce = 1): Pick<Stage, 'run' | 'again'> {
  return {
    run: nodeTests(globs, timeoutMs, atOnce),
    again: (files, env, signal) => nodeTests(files, timeoutMs)(env, signal),
  }
}

/** Tests of node:test below some globs. `timeoutMs` is for each test; `atOnce` files run side by side. */
function nodeTests(globs: readonly string[], timeoutMs: number, atOnce = 1): Stage['run'] {
  return async (env, signal) => {
    const dir = mkdtempSync(join(tmpdir(), 'fairway-test-'))
    const file = join(dir, 'records')
    const reporters = { spec: 'stdout', [REPORTER]: file }
    const argv = [
      '--test',
      `--test-timeout=${timeoutMs * SOAK}`,
      `--test-concurrency=${atOnce}`,
      ...Object.entries(reporters).flatMap(([name, to]) => [
        `--test-reporter=${name}`,
        `--test-reporter-destination=${to}`,
      ]),
    ]
    try {
      const exitCode = await runProgram(process.execPath, [...argv, ...globs], ROOT, env, signal)
      const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
      return { exitCode, records: lines.map((line) => JSON.parse(line) as TestRecord) }
    } finally {
      rmSync(dir, { recursive: true })
    }
  }
}

function runProgram(
  program: string,
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  onLine?: (line: string) => void,
): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(program, argv, { cwd, env, signal, stdio: ['ignore', onLine ? 'pipe' : 'inherit', 'inherit'] })
    if (child.stdout && onLine) createInterface({ input: child.stdout }).on('line', onLine)
    child.on('error', reject)
    child.on('close', (code) => done(code ?? 1))
  })
}

interface GoEvent {
  readonly Action: string
  readonly Package?: string
  readonly Test?: string
  readonly Output?: string
}

const GO_OUTCOMES: Readonly<Record<string, TestRecord['outcome']>> = { pass: 'passed', fail: 'failed', skip: 'skipped' }

/** The stand-in's own tests: what the Caddy tests stand on. */
async function goTests(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StageResult> {
  const records: TestRecord[] = []
  const output: string[] = []
  const onLine = (line: string) => {
    const event = line.startsWith('{') ? (JSON.parse(line) as GoEvent) : { Action: 'output', Output: `${line}\n` }
    if (event.Output !== undefined) output.push(event.Output)
    const outcome = GO_OUTCOMES[event.Action]
    if (outcome !== undefined && event.Test !== undefined) {
      records.push({ name: event.Test, file: event.Package ?? '', outcome, reason: '' })
    }
  }
  const cwd = join(ROOT, 'test/caddy-layer4')
  // As in test/lab/build.ts, so that Caddy is not compiled a second time.
  const asBuilt = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -trimpath -gcflags=all=-dwarf=false' }
  const argv = ['test', '-count=1', '-json', './...']
  const exitCode = await runProgram('go', argv, cwd, { ...env, ...asBuilt }, signal, onLine)
  if (exitCode !== 0) process.stdout.write(output.join(''))
  return { exitCode, records }
}

/** A command whose success is the whole test. */
function command(name: string, argv: readonly string[]): Stage['run'] {
  return async (env, signal) => {
    const exitCode = await runProgram(process.execPath, argv, ROOT, env, signal)
    return { exitCode, records: [{ name, file: '', outcome: exitCode === 0 ? 'passed' : 'failed', reason: '' }] }
  }
}

/** The demo with another proxy than its own. */
function demo(proxy: string): Stage {
  const argv = ['--once', '--proxy', proxy]
  return {
    name: `demo-${proxy}`,
    what: `npm run demo -- ${argv.join(' ')}`,
    run: command(`the demo with ${proxy}`, ['test/demo/main.ts', ...argv]),
  }
}

/** One fault of each party, of those that are over soon: no Lease runs out. */
const QUICK_FAULTS = 'api-killed,api-410,leader-moved,edge-killed,edge-disk-full,haproxy-killed,loss-api'
const SOME_CHAOS = ['--seed', '1', '--minutes', '0.4', '--faults', QUICK_FAULTS]

export const STAGES: readonly Stage[] = [
  {
    name: 'static',
    what: 'types, lint and format',
    run: command('types, lint and format', ['scripts/check.ts', '--static']),
  },
  {
    name: 'unit',
    what: 'unit and property tests',
    run: nodeTests(['test/unit/**/*.test.ts', 'test/property/**/*.test.ts'], 60_000, 2),
  },
  { name: 'stand-in', what: "the layer4 stand-in's own tests", run: goTests },
  {
    name: 'contract',
    what: 'the driver contract, against real proxies',
    ...realTests(['test/contract/**/*.test.ts'], 120_000),
  },
  { name: 'page', what: 'the status page, in Chromium', ...realTests(['test/page/**/*.test.ts'], 120_000) },
  { name: 'chart', what: 'the Helm chart', run: nodeTests(['test/chart/**/*.test.ts'], 60_000, 2) },
  {
    name: 'resilience',
    what: 'replicas, and an API server that dies',
    ...realTests(['test/resilience/**/*.test.ts'], 600_000, 2),
  },
  {
    name: 'chaos',
    what: 'npm run chaos, for a short while',
    run: command('some chaos', ['test/chaos/main.ts', ...SOME_CHAOS]),
  },
  {
    name: 'security',
    what: 'threats of docs/security.md, at real programs',
    ...realTests(['test/security/**/*.test.ts'], 900_000, 2),
  },
  {
    name: 'moving',
    what: 'ways over from other systems, as docs/moving has them',
    ...realTests(['test/moving/**/*.test.ts'], 2_400_000),
  },
  {
    name: 'docs',
    what: 'what the documents say, on real machines and clusters',
    ...realTests(['test/docs/**/*.test.ts'], 1_800_000),
  },
  { name: 'demo', what: 'npm run demo -- --once', run: command('the demo', ['test/demo/main.ts', '--once']) },
  demo('nginx'),
  demo('envoy'),
  demo('caddy'),
  demo('caddy-api'),
  { name: 'e2e', what: 'chart and image on a real cluster', ...realTests(['test/e2e/**/*.test.ts'], 1_200_000) },
  {
    name: 'demo-cluster',
    what: 'npm run demo -- --once --cluster',
    run: command('the demo on a whole cluster', ['test/demo/main.ts', '--once', '--cluster']),
  },
]
