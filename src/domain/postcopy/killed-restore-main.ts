import { inspect } from 'node:util'
import { logAct } from '../store/host/act-log.ts'
import { type KilledRestore, settleKilledRestore } from './settle-killed-restore.ts'

/** The program that runs when a lazily restoring process is killed. Its one argument is a `KilledRestore` in JSON. Users do not call it. */
void main()

async function main(): Promise<void> {
  const killed = JSON.parse(process.argv[2] ?? '{}') as KilledRestore
  try {
    await settleKilledRestore(killed)
  } catch (error) {
    const text = `its killed lazy restore was left as it is: ${inspect(error)}`
    await logAct(killed.directories, killed.name, text)
    process.exitCode = 1
  }
}
