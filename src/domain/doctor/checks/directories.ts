import { StorageError } from '../../../errors.ts'
import { ownerAndMode, setOwnerAndMode } from '../../../io/files/directory.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** Whether only this user can reach the files of Stasis. */
export const DIRECTORIES: HealthCheck = {
  name: 'directories',
  async look({ directories: { stateDir, runtimeDir } }) {
    const paths = [...new Set([stateDir, runtimeDir])]
    return Promise.all(paths.map(diagnose))
  },
}

const OTHERS = 0o077

async function diagnose(path: string): Promise<Diagnosis> {
  const facts = await ownerAndMode(path)
  if (facts === undefined) return right(`${path} does not exist; a command that needs it makes it`)
  const { uid, mode } = facts
  const us = process.geteuid?.() ?? -1
  if (uid !== us && uid !== 0) {
    const text = `${path} belongs to user ${uid}, who could change its content`
    return {
      verdict: 'error',
      text,
      remedy: 'Check its content before you trust it, then `chown` it, or use another directory',
      cause: new StorageError('UNSAFE_DIRECTORY', text, { path }),
    }
  }
  if ((mode & OTHERS) === 0) return right(`only its owner can reach ${path}`)
  const writable = (mode & 0o022) !== 0
  const text = `other users may ${writable ? 'write to' : 'look into'} ${path}`
  const what = writable ? 'Check its content before you trust it, then run' : 'Run'
  return {
    verdict: writable ? 'error' : 'warning',
    text,
    remedy: `${what} \`stasis doctor --fix\`, which sets its mode to 0700`,
    ...(uid === us && {
      fix: async (): Promise<string> => {
        await setOwnerAndMode(path, {}, 0o700)
        return `set the mode of ${path} to 0700`
      },
    }),
    ...(writable && { cause: new StorageError('UNSAFE_DIRECTORY', text, { path }) }),
  }
}
