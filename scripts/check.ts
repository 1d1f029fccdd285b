// The fast checks, side by side, each with its time: types, lint, format, and unless --static is given, unit and property tests.
import { spawn } from 'node:child_process'

const STEPS = {
  types: ['tsc', '--noEmit'],
  page: ['tsc', '--noEmit', '-p', 'src/server/page'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
  format: ['biome', 'check', '.'],
  tests: [
    'node',
    '--test',
    '--test-reporter=spec',
    '--test-timeout=60000',
    'test/unit/**/*.test.ts',
    'test/property/**/*.test.ts',
  ],
} as const

interface Outcome {
  readonly name: string
  readonly code: number
  readonly seconds: number
  readonly output: string
}

function run(name: string, [program, ...args]: readonly [string, ...string[]]): Promise<Outcome> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      resolve({
        name,
        code: code ?? 1,
        seconds: (performance.now() - started) / 1000,
        output: Buffer.concat(chunks).toString(),
      })
    })
  })
}

const steps = Object.entries(STEPS).filter(([name]) => name !== 'tests' || !process.argv.includes('--static'))
const outcomes = await Promise.all(steps.map(([name, command]) => run(name, command)))
for (const { name, code, seconds, output } of outcomes) {
  // Of tests that pass, only the counts.
  if (code !== 0) process.stdout.write(output)
  else if (name === 'tests')
    process.stdout.write(`${output.match(/^ℹ (tests|pass|fail|skipped) .*$/gm)?.join('\n') ?? ''}\n`)
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)\n`)
}
process.exitCode = outcomes.some(({ code }) => code !== 0) ? 1 : 0
