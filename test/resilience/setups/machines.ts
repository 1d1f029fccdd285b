/** Nodes that can be reached, refuse and be cut off: addresses of one network namespace, which has a link to this machine. */
import { resolve } from 'node:path'
import { recordOf, run, tryRun } from '../../lab/process.ts'
import { createNodeProcess, type NodeProcess } from './node-process.ts'

const MAIN = resolve(import.meta.dirname, 'node-main.ts')
/** A piece of the range for tests of networks (RFC 2544) that no other run on this machine has. */
const [THIRD, FOURTH] = [(process.pid >> 4) % 256, (process.pid % 16) * 16]

function at(last: number): string {
  return `198.19.${THIRD}.${FOURTH + last}`
}

function address(node: number): string {
  return at(node + 1)
}

export interface Machines {
  /** Of a node, by its number from 1. */
  readonly address: (node: number) => string
  /** An address of the same network that nobody has. */
  readonly spare: (index: number) => string
  /** Gives this machine a spare address, as an administrator does. */
  readonly take: (address: string) => Promise<void>
  readonly node: (node: number) => NodeProcess
  /** Adds a rule to the firewall of the nodes; gives what takes it off. */
  readonly forbid: (rule: string) => Promise<() => Promise<void>>
  readonly close: () => Promise<void>
}

/** Starts `count` nodes that answer at some node ports. */
export async function startMachines(count: number, ports: readonly number[], signal: AbortSignal): Promise<Machines> {
  const [netns, link] = [`fairway-cli-${process.pid}`, `fwcli${process.pid}`]
  const ip = (line: string) => run(['ip', ...line.split(' ')], {}, signal)
  const inside = (...argv: readonly string[]) => ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv]
  const nft = (text: string) => run(inside('nft', '-f', '-'), { input: text }, signal)
  const processes: NodeProcess[] = []

  async function close(): Promise<void> {
    await Promise.all(processes.map((one) => one.stop()))
    const late = AbortSignal.timeout(10_000)
    await tryRun(['ip', 'link', 'del', link], {}, late)
    await tryRun(['ip', 'netns', 'del', netns], {}, late)
  }

  try {
    await sweep(signal)
    await ip(`netns add ${netns}`)
    await ip(`link add ${link} type veth peer name eth0 netns ${netns}`)
    await ip(`addr add ${at(1)}/28 dev ${link}`)
    await ip(`link set ${link} up`)
    await ip(`-n ${netns} link set lo up`)
    for (let node = 1; node <= count; node++) await ip(`-n ${netns} addr add ${address(node)}/28 dev eth0`)
    await ip(`-n ${netns} link set eth0 up`)
    await nft('add table inet wall\nadd chain inet wall in { type filter hook input priority 0; }\n')
    for (let node = 1; node <= count; node++) {
      const argv = inside(process.execPath, MAIN, address(node), ...ports.map(String))
      processes.push(await createNodeProcess(argv, `http://${address(node)}:10256`, signal))
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    address,
    spare: (index) => at(14 - index),
    take: async (spare) => void (await ip(`addr add ${spare}/32 dev ${link}`)),
    node: (node) => processes[node - 1] ?? raise(node),
    forbid: async (rule) => {
      await nft(`add rule inet wall in ${rule}\n`)
      return async () => void (await nft('flush chain inet wall in\n'))
    },
    close,
  }
}

/** Removes what runs have left that were killed. The link goes with its namespace. */
async function sweep(signal: AbortSignal): Promise<void> {
  const list = await run(['ip', 'netns', 'list'], {}, signal)
  for (const [name, pid] of list.matchAll(/^fairway-cli-(\d+)/gm)) {
    if (recordOf(Number(pid)) === undefined) await tryRun(['ip', 'netns', 'del', name], {}, signal)
  }
}

function raise(node: number): never {
  throw new Error(`there is no node ${node}`)
}
