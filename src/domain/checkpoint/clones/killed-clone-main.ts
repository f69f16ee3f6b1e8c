import { inspect } from 'node:util'
import { logAct } from '../../store/host/act-log.ts'
import { type KilledClone, settleKilledClone } from './settle-killed-clone.ts'

/** The program that runs when a process is killed that clones a running domain. Its one argument is a `KilledClone` in JSON. Users do not call it. */
void main()

async function main(): Promise<void> {
  const killed = JSON.parse(process.argv[2] ?? '{}') as KilledClone
  try {
    await settleKilledClone(killed)
  } catch (error) {
    const text = `the checkpoint of its killed clone was left as it is: ${inspect(error)}`
    await logAct(killed.directories, killed.name, text)
    process.exitCode = 1
  }
}
