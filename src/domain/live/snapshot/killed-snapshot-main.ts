import { Socket } from 'node:net'
import { inspect } from 'node:util'
import { logAct } from '../../store/host/act-log.ts'
import { type KilledSnapshot, settleKilledSnapshot } from './settle-killed-snapshot.ts'

/** See startWaitingShell. */
const HELD_FD = 4

/** The program that runs when a process is killed during a snapshot by write protection. Its one argument is a `KilledSnapshot` in JSON. Users do not call it. */
void main()

async function main(): Promise<void> {
  const killed = JSON.parse(process.argv[2] ?? '{}') as KilledSnapshot
  try {
    // A guest whose write waits for its page to be sent must not wait longer. This process stays until QEMU closes the connection.
    if (killed.holds) new Socket({ fd: HELD_FD }).on('error', () => undefined).resume()
    await settleKilledSnapshot(killed)
  } catch (error) {
    const text = `the snapshot of its killed save was left as it is: ${inspect(error)}`
    await logAct(killed.directories, killed.name, text)
    process.exitCode = 1
  }
}
