import { Configuration } from '../configuration/configuration.ts'
import { checkAllowRule } from '../trust/allow-rules.ts'
import { parseNetworkTarget } from './network-target.ts'

/**
 * The configuration, also with every permission and every network checked.
 * @throws UsageError BAD_CONFIGURATION, BAD_ARGUMENT; StorageError UNSAFE_FILE and others
 */
export async function checkedConfiguration(): Promise<Configuration> {
  const configuration = await Configuration.read()
  for (const { rule, where } of configuration.allow) checkAllowRule(rule, where)
  for (const { target, where } of configuration.networks.values()) parseNetworkTarget(target, where)
  return configuration
}
