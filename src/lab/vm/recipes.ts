// Which system is made from what.
import { unreachable } from '../../unreachable.ts';
import { HELLO_SCRIPT } from '../init-script.ts';
import { AGENT_SCRIPT, READY_SCRIPT, START_SCRIPT } from './guest-scripts.ts';
import type { ImageRecipe } from './recipe.ts';
import { BUSYBOX } from './recipe-busybox.ts';
import { OPENRC, SYSTEMD, SYSV } from './recipe-debian.ts';
import type { MachineSystem } from './systems.ts';

const LAB_FILES: ImageRecipe['files'] = {
  'lab/start': { text: START_SCRIPT, mode: 0o755 },
  'lab/agent': { text: AGENT_SCRIPT, mode: 0o755 },
  'lab/ready': { text: READY_SCRIPT, mode: 0o755 },
  'lab/hello': { text: HELLO_SCRIPT, mode: 0o755 },
};

export function recipeOf(system: MachineSystem): ImageRecipe {
  const recipe = ownRecipe(system);
  return { ...recipe, files: { ...recipe.files, ...LAB_FILES } };
}

function ownRecipe(system: MachineSystem): ImageRecipe {
  switch (system) {
    case 'systemd':
      return SYSTEMD;
    case 'sysv':
      return SYSV;
    case 'openrc':
      return OPENRC;
    case 'busybox':
      return BUSYBOX;
    default:
      return unreachable(system);
  }
}
