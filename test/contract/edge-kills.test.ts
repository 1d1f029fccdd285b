import { killsTest } from './edge-kills.ts'

killsTest('haproxy')
