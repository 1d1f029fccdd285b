import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { testBind } from '../../../src/edge/bind-test.ts'
import { createAddressKeeper, type Interface } from '../../../src/edge/interface-addresses.ts'
import { type Fresh, findObstacles, type ProxyProgram, thisMachine } from '../../../src/edge/obstacles.ts'
import { findInTheWay, readTable } from '../../../src/edge/proc.ts'
import type { Socket } from '../../../src/edge/sockets.ts'
import { silentLog } from '../../support/operator-world.ts'
import { createCrashDisk } from './crash-disk.ts'
import { createFakeMachine, type FakeMachine } from './edge-world.ts'

function tcp(address: string, port: number): Socket {
  return { protocol: 'TCP', address, port }
}

describe('this machine', () => {
  test('a socket that nobody has can be bound, one that is taken or elsewhere cannot', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    const datagrams = createSocket('udp4').bind(0, '127.0.0.1')
    await Promise.all([once(server, 'listening'), once(datagrams, 'listening')])
    const { port } = server.address() as AddressInfo
    const udp = datagrams.address().port
    try {
      assert.equal(await testBind(tcp('127.0.0.1', port)), 'EADDRINUSE')
      assert.equal(await testBind(tcp('0.0.0.0', port)), 'EADDRINUSE')
      assert.equal(await testBind(tcp('127.0.0.2', port)), undefined)
      assert.equal(await testBind(tcp('127.0.0.2', port)), undefined, 'the test lets go')
      assert.equal(await testBind({ ...tcp('127.0.0.1', udp), protocol: 'UDP' }), 'EADDRINUSE')
      assert.equal(await testBind({ ...tcp('127.0.0.2', udp), protocol: 'UDP' }), undefined)
      assert.equal(await testBind(tcp('192.0.2.1', 8_080)), 'EADDRNOTAVAIL')
    } finally {
      server.close()
      datagrams.close()
    }
  })

  test('whoever has a socket is named', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const fresh = [{ socket: tcp('0.0.0.0', port), maybeOurs: false }]
      const problem = (await findObstacles(thisMachine, { name: 'haproxy', listeners: [] }, fresh)).get(
        `tcp/0.0.0.0:${port}`,
      )
      assert.equal(problem?.code, 'PortTaken')
      assert.match(
        problem.message,
        new RegExp(`is taken by \\S+.* \\(process ${process.pid}\\) on tcp/127\\.0\\.0\\.1:${port}$`),
      )
    } finally {
      server.close()
    }
  })
})

describe('/proc/net', () => {
  const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
  const cases: readonly (readonly [line: string, protocol: Socket['protocol'], text: string | undefined])[] = [
    [
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 549 1 0 100',
      'TCP',
      '127.0.0.1 8080 1000 549',
    ],
    [
      '   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100',
      'TCP',
      '0.0.0.0 22 0 7',
    ],
    [
      '   2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 8 1 0 100',
      'TCP',
      undefined,
    ],
    [
      '   3: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1',
      'TCP',
      '2001:db8::1 443 0 9',
    ],
    [
      '   4: 0000000000000000FFFF00000100007F:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1',
      'TCP',
      '127.0.0.1 443 0 9',
    ],
    [
      '  11: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 12 2 0 0',
      'UDP',
      '0.0.0.0 53 101 12',
    ],
    [
      '   5: 0100007F:0000 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8 1 0 100',
      'TCP',
      undefined,
    ],
    ['', 'TCP', undefined],
  ]
  for (const [line, protocol, text] of cases) {
    test(`${line.trim().slice(0, 40) || 'an empty line'}: ${text}`, () => {
      const found = readTable(`${HEADING}\n${line}\n`, protocol)
      const texts = found.map(({ address, port, uid, inode }) => `${address} ${port} ${uid} ${inode}`)
      assert.deepEqual(texts, text === undefined ? [] : [text])
    })
  }

  test('a listener on all addresses of both families may be in the way of either, others of their own only', () => {
    const places = (socket: Socket, ...open: readonly string[]) => {
      const sockets = open.map((address, index) => ({ ...tcp(address, 80), uid: 0, inode: String(index) }))
      return findInTheWay(sockets)(socket).map(({ address }) => address)
    }
    assert.deepEqual(places(tcp('203.0.113.10', 80), '::', '203.0.113.11', '2001:db8::1'), ['::'])
    assert.deepEqual(places(tcp('203.0.113.10', 80), '0.0.0.0', '203.0.113.10'), ['203.0.113.10', '0.0.0.0'])
    assert.deepEqual(places(tcp('2001:db8::1', 80), '::', '0.0.0.0'), ['::'])
    assert.deepEqual(places(tcp('0.0.0.0', 80), '203.0.113.11', '2001:db8::1', '::'), ['203.0.113.11', '::'])
    assert.deepEqual(places(tcp('203.0.113.10', 81), '::', '203.0.113.10'), [])
  })
})

describe('obstacles', () => {
  const PLACE = 'tcp/203.0.113.10:443'
  const fresh: Fresh = { socket: tcp('203.0.113.10', 443), maybeOurs: false }
  const ours: Fresh = { ...fresh, maybeOurs: true }
  const admins = [{ protocol: 'TCP', address: '*', firstPort: 400, lastPort: 500, holder: 'listen stats' }] as const

  const cases: readonly (readonly [
    what: string,
    set: (machine: FakeMachine) => void,
    one: Fresh,
    code: string | undefined,
    listeners?: ProxyProgram['listeners'],
  ])[] = [
    ['nothing', () => {}, fresh, undefined],
    ['another program', ({ taken }) => taken.set(PLACE, 'nginx'), fresh, 'PortTaken'],
    [
      'another program on all addresses',
      ({ taken, errors }) => {
        taken.set('tcp/0.0.0.0:443', 'nginx')
        errors.set(PLACE, 'EADDRINUSE')
      },
      fresh,
      'PortTaken',
    ],
    ['a program that cannot be named', ({ taken }) => taken.set(PLACE, ''), fresh, 'PortTaken'],
    ['nobody that /proc knows', ({ errors }) => errors.set(PLACE, 'EADDRINUSE'), fresh, 'PortTaken'],
    ['the proxy program itself, where it should not', ({ taken }) => taken.set(PLACE, 'haproxy'), fresh, 'PortTaken'],
    ['the proxy program itself, where it may', ({ taken }) => taken.set(PLACE, 'haproxy'), ours, undefined],
    ['somebody unknown where the proxy program may be', ({ taken }) => taken.set(PLACE, ''), ours, undefined],
    ['another program where the proxy program may be', ({ taken }) => taken.set(PLACE, 'nginx'), ours, 'PortTaken'],
    ["a listener of the program's administrator", () => {}, ours, 'PortTaken', admins],
    ['no address', ({ errors }) => errors.set(PLACE, 'EADDRNOTAVAIL'), ours, 'AddressNotOnProxy'],
    ['a port that the edge may not test', ({ errors }) => errors.set(PLACE, 'EACCES'), fresh, undefined],
    [
      'a port that the edge may not test, and somebody has',
      ({ errors, taken }) => {
        errors.set(PLACE, 'EACCES')
        taken.set(PLACE, 'nginx')
      },
      fresh,
      'PortTaken',
    ],
    ['something else', ({ errors }) => errors.set(PLACE, 'EINVAL'), fresh, 'ProxyRejected'],
  ]
  for (const [what, set, one, code, listeners = []] of cases) {
    test(`${what}: ${code ?? 'free'}`, async () => {
      const machine = createFakeMachine()
      set(machine)
      const problems = await findObstacles(machine, { name: 'haproxy+nginx-udp', listeners }, [one])
      assert.equal(problems.get(PLACE)?.code, code)
    })
  }
})

/** An interface in memory. */
function device(
  name: string,
  addresses: readonly string[],
): Interface & { readonly has: Set<string>; broken: boolean } {
  const has = new Set(addresses)
  const one = {
    name,
    has,
    broken: false,
    addresses: async () => [...has],
    add: async (address: string) => {
      if (one.broken) throw new Error('RTNETLINK answers: Operation not permitted')
      has.add(address)
    },
    remove: async (address: string) => void has.delete(address),
  }
  return one
}

describe('addresses on an interface', () => {
  test('those that are wanted are added, and only those that were added are removed again', async () => {
    const disk = createCrashDisk()
    const eth0 = device('eth0', ['10.0.0.5', '203.0.113.1'])
    const keeper = await createAddressKeeper(disk.files, eth0, silentLog)
    await keeper.add(new Set(['203.0.113.1', '203.0.113.2', '2001:db8::1']))
    assert.deepEqual([...eth0.has], ['10.0.0.5', '203.0.113.1', '203.0.113.2', '2001:db8::1'])
    const again = await createAddressKeeper(disk.restart(() => false).files, eth0, silentLog)
    await again.trim(new Set(['2001:db8::1']))
    assert.deepEqual([...eth0.has], ['10.0.0.5', '203.0.113.1', '2001:db8::1'])
  })

  test('what could not be added is tried again, and is nobody else’s meanwhile', async () => {
    const eth0 = device('eth0', [])
    const keeper = await createAddressKeeper(createCrashDisk().files, eth0, silentLog)
    eth0.broken = true
    await keeper.add(new Set(['203.0.113.2']))
    eth0.broken = false
    await keeper.add(new Set(['203.0.113.2']))
    await keeper.trim(new Set())
    assert.deepEqual([...eth0.has], [])
  })

  test('a file that cannot be read, or of another interface, costs nobody an address', async () => {
    const disk = createCrashDisk()
    const eth0 = device('eth0', [])
    await (await createAddressKeeper(disk.files, eth0, silentLog)).add(new Set(['203.0.113.2']))
    const eth1 = device('eth1', ['203.0.113.2'])
    await (await createAddressKeeper(disk.files, eth1, silentLog)).trim(new Set())
    disk.put('addresses.json', 'x')
    await (await createAddressKeeper(disk.files, eth0, silentLog)).trim(new Set())
    assert.deepEqual([[...eth0.has], [...eth1.has]], [['203.0.113.2'], ['203.0.113.2']])
  })
})
