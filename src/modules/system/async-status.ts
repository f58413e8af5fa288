// What has become of a job (a task with `async`), or away with what it left. The engine asks: it may know what the job was.
import type { Errand } from '../errand.ts';
import { ArgumentError, type HostModule } from '../module.ts';
import { JOB_ID } from './job-script.ts';

export interface AsyncStatusArgs {
  readonly jid: string;
  readonly mode?: 'status' | 'cleanup';
}

type WantedStatus = Extract<Errand, { kind: 'job' }>;

export const asyncStatus: HostModule<AsyncStatusArgs, WantedStatus, never> = {
  kind: 'host',
  name: 'async_status',
  summary: 'Tells whether a job that was started with async has finished, and with what result.',
  returns: {
    ansible_job_id: 'The job.',
    started: 'Whether it has begun.',
    finished: 'Whether it has ended.',
    results_file: 'Where the host keeps what is known of it.',
    erased: 'What was cleared away, with mode: cleanup.',
    start: 'When it began, on the host’s clock.',
    end: 'When it ended.',
    delta: 'Seconds that it took.',
  },
  schema: {
    type: 'object',
    properties: {
      jid: { description: 'The ansible_job_id of the task that started it.', type: 'string', minLength: 1 },
      mode: {
        description: 'status: ask; cleanup: clear away what the host keeps of it.',
        enum: ['status', 'cleanup'],
        default: 'status',
      },
    },
    required: ['jid'],
    additionalProperties: false,
  },
  endsWave: true,
  noJob: 'it only asks',
  prepare({ jid, mode = 'status' }) {
    if (!JOB_ID.test(jid)) throw new ArgumentError('jid', `${JSON.stringify(jid)} is no job id`);
    return { kind: 'job', id: jid, mode };
  },
  reads: () => ['*'],
  writes: () => [],
  inspect: () => ({}),
  decide: (errand) => ({ kind: 'errand', errand }),
  change: () => ({ script: '' }),
};
