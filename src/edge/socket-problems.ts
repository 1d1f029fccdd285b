import type { Problem } from '../model/problems.ts'
import { type Socket, socketText } from './sockets.ts'

/** What is told of a socket whose address the machine does not have. */
export function absentProblem(socket: Socket): Problem {
  const message = `${socketText(socket)} is on an address that no interface of the proxy has`
  const remedy = 'Add the address to an interface of the proxy, or set net.ipv4.ip_nonlocal_bind where it moves'
  return { code: 'AddressNotOnProxy', kind: 'terminal', message, remedy }
}

/** What is told of a socket that somebody else has. `holder` as a message calls it: `another process`. */
export function takenProblem(socket: Socket, holder: string): Problem {
  const message = `${socketText(socket)} is taken by ${holder}`
  const port = `${socket.protocol === 'TCP' ? '-ltnp' : '-lunp'} 'sport = :${socket.port}'`
  const remedy = `Use another port or address, or stop that process on the proxy (ss ${port})`
  return { code: 'PortTaken', kind: 'terminal', message, remedy }
}
