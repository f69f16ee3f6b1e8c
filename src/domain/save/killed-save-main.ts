import { inspect } from 'node:util'
import { logAct } from '../store/host/act-log.ts'
import { type KilledSave, settleKilledSave } from './settle-killed-save.ts'

/** The program that runs when a saving process is killed. Its one argument is a `KilledSave` in JSON. Users do not call it. */
void main()

async function main(): Promise<void> {
  const killed = JSON.parse(process.argv[2] ?? '{}') as KilledSave
  try {
    await settleKilledSave(killed)
  } catch (error) {
    await logAct(
      killed.directories,
      killed.name,
      `its killed save was left as it is: ${inspect(error)}`,
    )
    process.exitCode = 1
  }
}
