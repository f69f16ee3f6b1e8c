import { StasisError } from '../../../errors.ts'
import { checkTrustedProgram } from '../../../io/files/trusted-file.ts'
import { findHooks } from '../../hooks/find-hooks.ts'
import { checkedConfiguration } from '../../networks/checked-configuration.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** Whether the configuration and the hooks can be used: otherwise saves and restores are refused. */
export const CONFIGURATION: HealthCheck = {
  name: 'configuration',
  async look() {
    try {
      const { files, hooks } = await checkedConfiguration()
      const found = await findHooks(hooks)
      for (const path of found) await checkTrustedProgram(path)
      const read = files.length === 0 ? 'there is no configuration' : `read ${files.join(', ')}`
      return [right(`${read}; hooks: ${found.join(', ') || 'none'}`)]
    } catch (error) {
      return [faultOf(error)]
    }
  },
}

function faultOf(error: unknown): Diagnosis {
  if (!StasisError.is(error)) throw error
  return { verdict: 'error', text: error.message, remedy: error.hint, cause: error }
}
