/**
 * Answers at one address in place of a node: at kube-proxy's health port, and at all node ports that are named. Ends with its standard input, which is
 * when whoever started it is gone. usage: node-main.ts ADDRESS PORT...
 */
import { createServer } from 'node:http'

const [address = '', ...ports] = process.argv.slice(2)
for (const port of ['10256', ...ports]) createServer((_, response) => response.end('ok')).listen(Number(port), address)
process.stdin.resume().once('end', () => process.exit())
