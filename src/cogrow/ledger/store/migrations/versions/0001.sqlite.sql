CREATE TABLE currency (
	code VARCHAR NOT NULL,
	exponent INTEGER NOT NULL,
	active INTEGER NOT NULL,
	CONSTRAINT pk_currency PRIMARY KEY (code),
	CONSTRAINT ck_currency_exponent_sane CHECK (exponent BETWEEN 0 AND 4),
	CONSTRAINT ck_currency_active_flag CHECK (active IN (0, 1)),
	CONSTRAINT ck_currency_exponent_whole CHECK (typeof(exponent) IN ('integer', 'null')),
	CONSTRAINT ck_currency_active_whole CHECK (typeof(active) IN ('integer', 'null'))
);;
CREATE TABLE person (
	id VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	CONSTRAINT pk_person PRIMARY KEY (id),
	CONSTRAINT ck_person_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z')
);;
CREATE TABLE fund (
	id VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	title VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	CONSTRAINT pk_fund PRIMARY KEY (id),
	CONSTRAINT ck_fund_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_fund_currency FOREIGN KEY(currency) REFERENCES currency (code)
);;
CREATE TABLE person_role (
	person_id VARCHAR NOT NULL,
	role VARCHAR NOT NULL,
	merchant_id VARCHAR NOT NULL,
	granted_at VARCHAR NOT NULL,
	revoked_at VARCHAR,
	CONSTRAINT pk_person_role PRIMARY KEY (person_id, role, merchant_id, granted_at),
	CONSTRAINT ck_person_role_role_known CHECK (role IN ('operator', 'finance', 'merchant', 'auditor')),
	CONSTRAINT ck_person_role_merchant_named CHECK ((role = 'merchant') = (merchant_id <> '')),
	CONSTRAINT ck_person_role_granted_at_instant CHECK (granted_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_person_role_revoked_at_instant CHECK (revoked_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_person_role_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);;
CREATE TABLE api_key (
	id VARCHAR NOT NULL,
	person_id VARCHAR NOT NULL,
	key_hash VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	revoked_at VARCHAR,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT ck_api_key_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_api_key_revoked_at_instant CHECK (revoked_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_api_key_person_id FOREIGN KEY(person_id) REFERENCES person (id),
	CONSTRAINT uq_api_key_key_hash UNIQUE (key_hash)
);;
CREATE TABLE approval (
	id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	content VARCHAR NOT NULL,
	content_hash VARCHAR NOT NULL,
	maker VARCHAR NOT NULL,
	votes_needed INTEGER NOT NULL,
	created_at VARCHAR NOT NULL,
	CONSTRAINT pk_approval PRIMARY KEY (id),
	CONSTRAINT uq_approval_id_content_hash UNIQUE (id, content_hash),
	CONSTRAINT ck_approval_votes_needed_some CHECK (votes_needed BETWEEN 1 AND 5),
	CONSTRAINT ck_approval_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_approval_votes_needed_whole CHECK (typeof(votes_needed) IN ('integer', 'null')),
	CONSTRAINT fk_approval_maker FOREIGN KEY(maker) REFERENCES person (id)
);;
CREATE TABLE audit (
	seq INTEGER NOT NULL,
	at VARCHAR NOT NULL,
	actor VARCHAR NOT NULL,
	via VARCHAR NOT NULL,
	verb VARCHAR NOT NULL,
	content VARCHAR NOT NULL,
	prev_hash VARCHAR NOT NULL,
	hash VARCHAR NOT NULL,
	CONSTRAINT pk_audit PRIMARY KEY (seq),
	CONSTRAINT ck_audit_from_one CHECK (seq >= 1),
	CONSTRAINT ck_audit_at_instant CHECK (at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_audit_seq_whole CHECK (typeof(seq) IN ('integer', 'null')),
	CONSTRAINT fk_audit_actor FOREIGN KEY(actor) REFERENCES person (id),
	CONSTRAINT uq_audit_prev_hash UNIQUE (prev_hash),
	CONSTRAINT uq_audit_hash UNIQUE (hash)
);;
CREATE TABLE run (
	id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	input_hash VARCHAR NOT NULL,
	started_at VARCHAR NOT NULL,
	actor VARCHAR NOT NULL,
	CONSTRAINT pk_run PRIMARY KEY (id),
	CONSTRAINT ck_run_started_at_instant CHECK (started_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_run_actor FOREIGN KEY(actor) REFERENCES person (id)
);;
CREATE TABLE beneficiary (
	id INTEGER NOT NULL,
	merchant_id VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	iban VARCHAR NOT NULL,
	bic VARCHAR NOT NULL,
	fingerprint VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	actor VARCHAR NOT NULL,
	CONSTRAINT pk_beneficiary PRIMARY KEY (id),
	CONSTRAINT uq_beneficiary_id_fingerprint UNIQUE (id, fingerprint),
	CONSTRAINT ck_beneficiary_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_beneficiary_actor FOREIGN KEY(actor) REFERENCES person (id)
);;
CREATE INDEX ix_beneficiary_merchant_id ON beneficiary (merchant_id);;
CREATE TABLE dispute (
	id VARCHAR NOT NULL,
	merchant_id VARCHAR NOT NULL,
	about VARCHAR NOT NULL,
	said VARCHAR NOT NULL,
	opened_by VARCHAR NOT NULL,
	opened_at VARCHAR NOT NULL,
	CONSTRAINT pk_dispute PRIMARY KEY (id),
	CONSTRAINT ck_dispute_opened_at_instant CHECK (opened_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_dispute_opened_by FOREIGN KEY(opened_by) REFERENCES person (id)
);;
CREATE TABLE account (
	id INTEGER NOT NULL,
	code VARCHAR NOT NULL,
	book VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	merchant_id VARCHAR,
	fund_id VARCHAR,
	currency VARCHAR NOT NULL,
	min_posted INTEGER,
	max_posted INTEGER,
	CONSTRAINT pk_account PRIMARY KEY (id),
	CONSTRAINT uq_account_id_book_currency UNIQUE (id, book, currency),
	CONSTRAINT ck_account_book_known CHECK (book IN ('F', 'B')),
	CONSTRAINT ck_account_kind_known CHECK (kind IN ('accrued', 'ad_bonus', 'ad_bonus_cost', 'ad_credit', 'ads', 'authorized', 'available', 'bank', 'clawback', 'consumed', 'fee_credit', 'fees', 'hold', 'in_transit', 'incentive', 'payable', 'run_clearing', 'sponsor', 'writeoff')),
	CONSTRAINT ck_account_credit_bound CHECK (kind NOT IN ('accrued', 'payable', 'hold', 'fee_credit', 'in_transit', 'ad_credit', 'ad_bonus', 'sponsor') OR (max_posted IS NOT NULL AND max_posted = 0)),
	CONSTRAINT ck_account_debit_bound CHECK (kind NOT IN ('clawback', 'available', 'consumed') OR (min_posted IS NOT NULL AND min_posted = 0)),
	CONSTRAINT ck_account_control_book CHECK ((book = 'B') = (kind IN ('authorized', 'available', 'consumed'))),
	CONSTRAINT ck_account_min_posted_whole CHECK (typeof(min_posted) IN ('integer', 'null')),
	CONSTRAINT ck_account_max_posted_whole CHECK (typeof(max_posted) IN ('integer', 'null')),
	CONSTRAINT uq_account_code UNIQUE (code),
	CONSTRAINT fk_account_fund_id FOREIGN KEY(fund_id) REFERENCES fund (id),
	CONSTRAINT fk_account_currency FOREIGN KEY(currency) REFERENCES currency (code)
);;
CREATE INDEX ix_account_fund_id ON account (fund_id) WHERE fund_id IS NOT NULL;;
CREATE INDEX ix_account_merchant_id ON account (merchant_id);;
CREATE TABLE approval_vote (
	approval_id VARCHAR NOT NULL,
	person_id VARCHAR NOT NULL,
	content_hash VARCHAR NOT NULL,
	via VARCHAR NOT NULL,
	voted_at VARCHAR NOT NULL,
	CONSTRAINT pk_approval_vote PRIMARY KEY (approval_id, person_id),
	CONSTRAINT fk_approval_vote_approval_id_content_hash FOREIGN KEY(approval_id, content_hash) REFERENCES approval (id, content_hash),
	CONSTRAINT ck_approval_vote_by_a_person CHECK (via = 'person'),
	CONSTRAINT ck_approval_vote_voted_at_instant CHECK (voted_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_approval_vote_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);;
CREATE TABLE period (
	id VARCHAR NOT NULL,
	starts_on VARCHAR NOT NULL,
	ends_on VARCHAR NOT NULL,
	status VARCHAR NOT NULL,
	closed_at VARCHAR,
	close_head_hash VARCHAR,
	approval_id VARCHAR,
	CONSTRAINT pk_period PRIMARY KEY (id),
	CONSTRAINT ck_period_status_known CHECK (status IN ('open', 'closed')),
	CONSTRAINT ck_period_in_order CHECK (starts_on < ends_on),
	CONSTRAINT ck_period_closed_whole CHECK ((status = 'closed') = (closed_at IS NOT NULL) AND (status = 'closed') = (close_head_hash IS NOT NULL) AND (status = 'closed') = (approval_id IS NOT NULL)),
	CONSTRAINT ck_period_starts_on_day CHECK (starts_on LIKE '____-__-__'),
	CONSTRAINT ck_period_ends_on_day CHECK (ends_on LIKE '____-__-__'),
	CONSTRAINT ck_period_closed_at_instant CHECK (closed_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT fk_period_approval_id FOREIGN KEY(approval_id) REFERENCES approval (id)
);;
CREATE TABLE settlement (
	program_id VARCHAR NOT NULL,
	program_version VARCHAR NOT NULL,
	merchant_id VARCHAR NOT NULL,
	period VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	revision INTEGER NOT NULL,
	posted_earned INTEGER NOT NULL,
	posted_shares VARCHAR NOT NULL,
	unsettled INTEGER NOT NULL,
	settled_count INTEGER NOT NULL,
	fund_id VARCHAR NOT NULL,
	pays VARCHAR NOT NULL,
	matures_on VARCHAR NOT NULL,
	expires_on VARCHAR NOT NULL,
	last_run_id VARCHAR NOT NULL,
	last_input_hash VARCHAR NOT NULL,
	CONSTRAINT pk_settlement PRIMARY KEY (program_id, program_version, merchant_id, period, currency),
	CONSTRAINT ck_settlement_pays_known CHECK (pays IN ('cash', 'ad_credit', 'fee_offset')),
	CONSTRAINT ck_settlement_unsettled_bound CHECK (unsettled >= 0),
	CONSTRAINT ck_settlement_revision_some CHECK (revision >= 1),
	CONSTRAINT ck_settlement_revision_whole CHECK (typeof(revision) IN ('integer', 'null')),
	CONSTRAINT ck_settlement_posted_earned_whole CHECK (typeof(posted_earned) IN ('integer', 'null')),
	CONSTRAINT ck_settlement_unsettled_whole CHECK (typeof(unsettled) IN ('integer', 'null')),
	CONSTRAINT ck_settlement_settled_count_whole CHECK (typeof(settled_count) IN ('integer', 'null')),
	CONSTRAINT fk_settlement_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT fk_settlement_fund_id FOREIGN KEY(fund_id) REFERENCES fund (id),
	CONSTRAINT fk_settlement_last_run_id FOREIGN KEY(last_run_id) REFERENCES run (id)
);;
CREATE INDEX ix_settlement_due ON settlement (matures_on) WHERE unsettled > 0;;
CREATE INDEX ix_settlement_merchant_id ON settlement (merchant_id);;
CREATE TABLE credit_lot (
	id VARCHAR NOT NULL,
	merchant_id VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	fund_id VARCHAR,
	cost_code VARCHAR NOT NULL,
	granted INTEGER NOT NULL,
	remaining INTEGER NOT NULL,
	expires_on VARCHAR NOT NULL,
	CONSTRAINT pk_credit_lot PRIMARY KEY (id),
	CONSTRAINT ck_credit_lot_kind_known CHECK (kind IN ('ad_credit', 'ad_bonus')),
	CONSTRAINT ck_credit_lot_remaining_bound CHECK (remaining BETWEEN 0 AND granted),
	CONSTRAINT ck_credit_lot_granted_whole CHECK (typeof(granted) IN ('integer', 'null')),
	CONSTRAINT ck_credit_lot_remaining_whole CHECK (typeof(remaining) IN ('integer', 'null')),
	CONSTRAINT fk_credit_lot_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT fk_credit_lot_fund_id FOREIGN KEY(fund_id) REFERENCES fund (id)
);;
CREATE INDEX ix_credit_lot_merchant_id ON credit_lot (merchant_id);;
CREATE TABLE payout_batch (
	id VARCHAR NOT NULL,
	rail VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	approval_id VARCHAR NOT NULL,
	content_hash VARCHAR NOT NULL,
	payees_hash VARCHAR NOT NULL,
	total INTEGER NOT NULL,
	count INTEGER NOT NULL,
	maker VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	CONSTRAINT pk_payout_batch PRIMARY KEY (id),
	CONSTRAINT ck_payout_batch_count_some CHECK (count >= 1),
	CONSTRAINT ck_payout_batch_created_at_instant CHECK (created_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_payout_batch_total_whole CHECK (typeof(total) IN ('integer', 'null')),
	CONSTRAINT ck_payout_batch_count_whole CHECK (typeof(count) IN ('integer', 'null')),
	CONSTRAINT fk_payout_batch_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT uq_payout_batch_approval_id UNIQUE (approval_id),
	CONSTRAINT fk_payout_batch_approval_id FOREIGN KEY(approval_id) REFERENCES approval (id),
	CONSTRAINT fk_payout_batch_maker FOREIGN KEY(maker) REFERENCES person (id)
);;
CREATE TABLE balance (
	account_id INTEGER NOT NULL,
	posted INTEGER NOT NULL,
	version INTEGER NOT NULL,
	min_posted INTEGER,
	max_posted INTEGER,
	last_entry_id INTEGER,
	CONSTRAINT pk_balance PRIMARY KEY (account_id),
	CONSTRAINT ck_balance_not_below CHECK (min_posted IS NULL OR posted >= min_posted),
	CONSTRAINT ck_balance_not_above CHECK (max_posted IS NULL OR posted <= max_posted),
	CONSTRAINT ck_balance_posted_whole CHECK (typeof(posted) IN ('integer', 'null')),
	CONSTRAINT ck_balance_version_whole CHECK (typeof(version) IN ('integer', 'null')),
	CONSTRAINT fk_balance_account_id FOREIGN KEY(account_id) REFERENCES account (id)
);;
CREATE TABLE entry (
	id INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	idempotency_key VARCHAR NOT NULL,
	payload_hash VARCHAR NOT NULL,
	period_id VARCHAR NOT NULL,
	origin VARCHAR NOT NULL,
	effective_on VARCHAR NOT NULL,
	posted_at VARCHAR NOT NULL,
	source_type VARCHAR NOT NULL,
	source_id VARCHAR NOT NULL,
	reverses_entry_id INTEGER,
	actor VARCHAR NOT NULL,
	via VARCHAR NOT NULL,
	approval_id VARCHAR,
	posting_count INTEGER NOT NULL,
	content_version INTEGER NOT NULL,
	content_hash VARCHAR NOT NULL,
	CONSTRAINT pk_entry PRIMARY KEY (id),
	CONSTRAINT uq_entry_id_posting_count UNIQUE (id, posting_count),
	CONSTRAINT fk_entry_id FOREIGN KEY(id) REFERENCES seal (entry_id) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT ck_entry_postings_some CHECK (posting_count >= 2),
	CONSTRAINT ck_entry_four_eyes CHECK (kind NOT IN ('fund', 'transfer', 'adjust') OR approval_id IS NOT NULL),
	CONSTRAINT ck_entry_effective_on_day CHECK (effective_on LIKE '____-__-__'),
	CONSTRAINT ck_entry_posted_at_instant CHECK (posted_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_entry_id_whole CHECK (typeof(id) IN ('integer', 'null')),
	CONSTRAINT ck_entry_posting_count_whole CHECK (typeof(posting_count) IN ('integer', 'null')),
	CONSTRAINT ck_entry_content_version_whole CHECK (typeof(content_version) IN ('integer', 'null')),
	CONSTRAINT uq_entry_idempotency_key UNIQUE (idempotency_key),
	CONSTRAINT fk_entry_period_id FOREIGN KEY(period_id) REFERENCES period (id),
	CONSTRAINT fk_entry_reverses_entry_id FOREIGN KEY(reverses_entry_id) REFERENCES entry (id),
	CONSTRAINT fk_entry_actor FOREIGN KEY(actor) REFERENCES person (id),
	CONSTRAINT fk_entry_approval_id FOREIGN KEY(approval_id) REFERENCES approval (id)
);;
CREATE UNIQUE INDEX uq_entry_approval_id ON entry (approval_id) WHERE approval_id IS NOT NULL;;
CREATE UNIQUE INDEX uq_entry_reverses_entry_id ON entry (reverses_entry_id) WHERE reverses_entry_id IS NOT NULL;;
CREATE TABLE statement (
	id VARCHAR NOT NULL,
	merchant_id VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	period_id VARCHAR NOT NULL,
	opening INTEGER NOT NULL,
	closing INTEGER NOT NULL,
	content_hash VARCHAR NOT NULL,
	published_at VARCHAR NOT NULL,
	CONSTRAINT pk_statement PRIMARY KEY (id),
	CONSTRAINT uq_statement_merchant_id_currency_period_id UNIQUE (merchant_id, currency, period_id),
	CONSTRAINT ck_statement_published_at_instant CHECK (published_at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_statement_opening_whole CHECK (typeof(opening) IN ('integer', 'null')),
	CONSTRAINT ck_statement_closing_whole CHECK (typeof(closing) IN ('integer', 'null')),
	CONSTRAINT fk_statement_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT fk_statement_period_id FOREIGN KEY(period_id) REFERENCES period (id)
);;
CREATE TABLE posting (
	entry_id INTEGER NOT NULL,
	line_no INTEGER NOT NULL,
	of_lines INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	book VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	amount INTEGER NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (entry_id, line_no),
	CONSTRAINT uq_posting_account_id_entry_id UNIQUE (account_id, entry_id),
	CONSTRAINT fk_posting_entry_id_of_lines FOREIGN KEY(entry_id, of_lines) REFERENCES entry (id, posting_count) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT fk_posting_account_id_book_currency FOREIGN KEY(account_id, book, currency) REFERENCES account (id, book, currency),
	CONSTRAINT ck_posting_line_of_lines CHECK (line_no BETWEEN 1 AND of_lines),
	CONSTRAINT ck_posting_amount_some CHECK (amount <> 0),
	CONSTRAINT ck_posting_entry_id_whole CHECK (typeof(entry_id) IN ('integer', 'null')),
	CONSTRAINT ck_posting_line_no_whole CHECK (typeof(line_no) IN ('integer', 'null')),
	CONSTRAINT ck_posting_of_lines_whole CHECK (typeof(of_lines) IN ('integer', 'null')),
	CONSTRAINT ck_posting_amount_whole CHECK (typeof(amount) IN ('integer', 'null'))
)
 WITHOUT ROWID;;
CREATE TABLE seal (
	seq INTEGER NOT NULL,
	entry_id INTEGER NOT NULL,
	prev_hash VARCHAR NOT NULL,
	hash VARCHAR NOT NULL,
	CONSTRAINT pk_seal PRIMARY KEY (seq),
	CONSTRAINT ck_seal_from_one CHECK (seq >= 1),
	CONSTRAINT ck_seal_seq_whole CHECK (typeof(seq) IN ('integer', 'null')),
	CONSTRAINT uq_seal_entry_id UNIQUE (entry_id),
	CONSTRAINT fk_seal_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id)
);;
CREATE TABLE payout (
	id VARCHAR NOT NULL,
	batch_id VARCHAR NOT NULL,
	merchant_id VARCHAR NOT NULL,
	currency VARCHAR NOT NULL,
	amount INTEGER NOT NULL,
	rail VARCHAR NOT NULL,
	rail_number VARCHAR NOT NULL,
	beneficiary_id INTEGER NOT NULL,
	beneficiary_fingerprint VARCHAR NOT NULL,
	status VARCHAR NOT NULL,
	reserve_entry_id INTEGER,
	final_entry_id INTEGER,
	rail_reference VARCHAR,
	retry_of VARCHAR,
	maker VARCHAR NOT NULL,
	checker VARCHAR,
	approved_hash VARCHAR,
	CONSTRAINT pk_payout PRIMARY KEY (id),
	CONSTRAINT ck_payout_status_known CHECK (status IN ('proposed', 'approved', 'sending', 'sent', 'unknown', 'paid', 'failed', 'cancelled')),
	CONSTRAINT ck_payout_amount_some CHECK (amount > 0),
	CONSTRAINT ck_payout_four_eyes CHECK (checker IS NULL OR checker <> maker),
	CONSTRAINT ck_payout_approved_before_sent CHECK (status IN ('proposed', 'cancelled') OR (checker IS NOT NULL AND approved_hash IS NOT NULL AND reserve_entry_id IS NOT NULL)),
	CONSTRAINT ck_payout_final_entry CHECK ((status IN ('paid', 'failed')) = (final_entry_id IS NOT NULL)),
	CONSTRAINT ck_payout_amount_whole CHECK (typeof(amount) IN ('integer', 'null')),
	CONSTRAINT fk_payout_batch_id FOREIGN KEY(batch_id) REFERENCES payout_batch (id),
	CONSTRAINT fk_payout_currency FOREIGN KEY(currency) REFERENCES currency (code),
	CONSTRAINT uq_payout_rail_number UNIQUE (rail_number),
	CONSTRAINT fk_payout_beneficiary_id FOREIGN KEY(beneficiary_id) REFERENCES beneficiary (id),
	CONSTRAINT uq_payout_reserve_entry_id UNIQUE (reserve_entry_id),
	CONSTRAINT fk_payout_reserve_entry_id FOREIGN KEY(reserve_entry_id) REFERENCES entry (id),
	CONSTRAINT uq_payout_final_entry_id UNIQUE (final_entry_id),
	CONSTRAINT fk_payout_final_entry_id FOREIGN KEY(final_entry_id) REFERENCES entry (id),
	CONSTRAINT uq_payout_retry_of UNIQUE (retry_of),
	CONSTRAINT fk_payout_retry_of FOREIGN KEY(retry_of) REFERENCES payout (id),
	CONSTRAINT fk_payout_maker FOREIGN KEY(maker) REFERENCES person (id),
	CONSTRAINT fk_payout_checker FOREIGN KEY(checker) REFERENCES person (id)
);;
CREATE INDEX ix_payout_batch_id ON payout (batch_id);;
CREATE UNIQUE INDEX uq_payout_live ON payout (merchant_id, currency) WHERE status IN ('proposed', 'approved', 'sending', 'sent', 'unknown');;
CREATE TABLE statement_line (
	statement_id VARCHAR NOT NULL,
	line_no INTEGER NOT NULL,
	entry_id INTEGER NOT NULL,
	account_kind VARCHAR NOT NULL,
	amount INTEGER NOT NULL,
	CONSTRAINT pk_statement_line PRIMARY KEY (statement_id, line_no),
	CONSTRAINT ck_statement_line_line_no_whole CHECK (typeof(line_no) IN ('integer', 'null')),
	CONSTRAINT ck_statement_line_amount_whole CHECK (typeof(amount) IN ('integer', 'null')),
	CONSTRAINT fk_statement_line_statement_id FOREIGN KEY(statement_id) REFERENCES statement (id),
	CONSTRAINT fk_statement_line_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id)
);;
CREATE TABLE dispute_answer (
	dispute_id VARCHAR NOT NULL,
	n INTEGER NOT NULL,
	outcome VARCHAR NOT NULL,
	said VARCHAR NOT NULL,
	actor VARCHAR NOT NULL,
	entry_id INTEGER,
	at VARCHAR NOT NULL,
	CONSTRAINT pk_dispute_answer PRIMARY KEY (dispute_id, n),
	CONSTRAINT ck_dispute_answer_outcome_known CHECK (outcome IN ('answered', 'corrected', 'rejected')),
	CONSTRAINT ck_dispute_answer_corrected_by_entry CHECK ((outcome = 'corrected') = (entry_id IS NOT NULL)),
	CONSTRAINT ck_dispute_answer_at_instant CHECK (at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_dispute_answer_n_whole CHECK (typeof(n) IN ('integer', 'null')),
	CONSTRAINT fk_dispute_answer_dispute_id FOREIGN KEY(dispute_id) REFERENCES dispute (id),
	CONSTRAINT fk_dispute_answer_actor FOREIGN KEY(actor) REFERENCES person (id),
	CONSTRAINT fk_dispute_answer_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id)
);;
CREATE TABLE payout_attempt (
	payout_id VARCHAR NOT NULL,
	n INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	at VARCHAR NOT NULL,
	content BLOB NOT NULL,
	outcome VARCHAR,
	CONSTRAINT pk_payout_attempt PRIMARY KEY (payout_id, n),
	CONSTRAINT ck_payout_attempt_kind_known CHECK (kind IN ('request', 'answer')),
	CONSTRAINT ck_payout_attempt_answer_has_outcome CHECK ((kind = 'answer') = (outcome IS NOT NULL)),
	CONSTRAINT ck_payout_attempt_at_instant CHECK (at LIKE '____-__-__T__:__:__Z'),
	CONSTRAINT ck_payout_attempt_n_whole CHECK (typeof(n) IN ('integer', 'null')),
	CONSTRAINT fk_payout_attempt_payout_id FOREIGN KEY(payout_id) REFERENCES payout (id)
);;
CREATE TRIGGER currency_no_update BEFORE UPDATE ON currency FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER currency_no_delete BEFORE DELETE ON currency FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER fund_no_update BEFORE UPDATE ON fund FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER fund_no_delete BEFORE DELETE ON fund FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER account_no_update BEFORE UPDATE ON account FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER account_no_delete BEFORE DELETE ON account FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER person_no_update BEFORE UPDATE ON person FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER person_no_delete BEFORE DELETE ON person FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER approval_no_update BEFORE UPDATE ON approval FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER approval_no_delete BEFORE DELETE ON approval FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER approval_vote_no_update BEFORE UPDATE ON approval_vote FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER approval_vote_no_delete BEFORE DELETE ON approval_vote FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER run_no_update BEFORE UPDATE ON run FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER run_no_delete BEFORE DELETE ON run FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER beneficiary_no_update BEFORE UPDATE ON beneficiary FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER beneficiary_no_delete BEFORE DELETE ON beneficiary FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER payout_batch_no_update BEFORE UPDATE ON payout_batch FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER payout_batch_no_delete BEFORE DELETE ON payout_batch FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER payout_attempt_no_update BEFORE UPDATE ON payout_attempt FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER payout_attempt_no_delete BEFORE DELETE ON payout_attempt FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER statement_no_update BEFORE UPDATE ON statement FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER statement_no_delete BEFORE DELETE ON statement FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER statement_line_no_update BEFORE UPDATE ON statement_line FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER statement_line_no_delete BEFORE DELETE ON statement_line FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER dispute_no_update BEFORE UPDATE ON dispute FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER dispute_no_delete BEFORE DELETE ON dispute FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER dispute_answer_no_update BEFORE UPDATE ON dispute_answer FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER dispute_answer_no_delete BEFORE DELETE ON dispute_answer FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER balance_no_delete BEFORE DELETE ON balance FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER period_no_delete BEFORE DELETE ON period FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER settlement_no_delete BEFORE DELETE ON settlement FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER credit_lot_no_delete BEFORE DELETE ON credit_lot FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER payout_no_delete BEFORE DELETE ON payout FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER person_role_no_delete BEFORE DELETE ON person_role FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER api_key_no_delete BEFORE DELETE ON api_key FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:append_only') WHERE 1; END;;
CREATE TRIGGER account_opens AFTER INSERT ON account FOR EACH ROW BEGIN INSERT INTO balance (account_id, posted, version, min_posted, max_posted) VALUES (NEW.id, 0, 0, NEW.min_posted, NEW.max_posted); END;;
CREATE TRIGGER posting_counts AFTER INSERT ON posting FOR EACH ROW BEGIN UPDATE balance SET posted = posted + NEW.amount, version = version + 1, last_entry_id = NEW.entry_id WHERE account_id = NEW.account_id; END;;
CREATE TRIGGER balance_by_posting BEFORE UPDATE ON balance FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:balance_by_posting') WHERE NEW.account_id <> OLD.account_id OR NEW.min_posted IS NOT OLD.min_posted OR NEW.max_posted IS NOT OLD.max_posted OR NEW.version <> OLD.version + 1 OR NEW.last_entry_id IS NULL OR NEW.last_entry_id IS OLD.last_entry_id OR EXISTS (SELECT 1 FROM entry e WHERE e.id = NEW.last_entry_id) OR NOT EXISTS (SELECT 1 FROM posting p WHERE p.account_id = NEW.account_id AND p.entry_id = NEW.last_entry_id AND p.amount = NEW.posted - OLD.posted); END;;
CREATE TRIGGER entry_stands BEFORE INSERT ON entry FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:unbalanced') WHERE NEW.posting_count <> coalesce((SELECT CASE WHEN max(abs(b.total)) = 0 THEN sum(b.lines) END FROM (SELECT count(*) AS lines, sum(p.amount) AS total FROM posting p WHERE p.entry_id = NEW.id GROUP BY p.book, p.currency) b), 0); SELECT RAISE(ABORT, 'cogrow:period_closed') WHERE NOT EXISTS (SELECT 1 FROM period d WHERE d.id = NEW.period_id AND d.status = 'open'); SELECT RAISE(ABORT, 'cogrow:not_approved') WHERE (NEW.kind = 'fund' OR NEW.kind = 'transfer' OR NEW.kind = 'adjust') AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.id = NEW.approval_id AND a.content_hash = NEW.payload_hash AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id <> a.maker)); SELECT RAISE(ABORT, 'cogrow:not_a_reversal') WHERE NEW.reverses_entry_id IS NOT NULL AND EXISTS (SELECT 1 FROM posting p WHERE p.entry_id IN (NEW.id, NEW.reverses_entry_id) GROUP BY p.account_id HAVING sum(p.amount) <> 0); END;;
CREATE TRIGGER vote_counts BEFORE INSERT ON approval_vote FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:own_proposal') WHERE EXISTS (SELECT 1 FROM approval a WHERE a.id = NEW.approval_id AND a.maker = NEW.person_id); SELECT RAISE(ABORT, 'cogrow:may_not_approve') WHERE NOT EXISTS (SELECT 1 FROM person_role r WHERE r.person_id = NEW.person_id AND r.role = 'finance' AND r.revoked_at IS NULL); END;;
CREATE TRIGGER payout_begins BEFORE INSERT ON payout FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:payout_step') WHERE NEW.status <> 'proposed'; SELECT RAISE(ABORT, 'cogrow:wrong_beneficiary') WHERE NOT EXISTS (SELECT 1 FROM beneficiary b WHERE b.id = NEW.beneficiary_id AND b.merchant_id = NEW.merchant_id AND b.fingerprint = NEW.beneficiary_fingerprint); SELECT RAISE(ABORT, 'cogrow:still_live') WHERE NEW.retry_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payout q WHERE q.id = NEW.retry_of AND q.status = 'failed' AND q.merchant_id = NEW.merchant_id); END;;
CREATE TRIGGER payout_moves BEFORE UPDATE ON payout FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:payout_changed') WHERE NEW.id <> OLD.id OR NEW.batch_id <> OLD.batch_id OR NEW.merchant_id <> OLD.merchant_id OR NEW.currency <> OLD.currency OR NEW.amount <> OLD.amount OR NEW.rail <> OLD.rail OR NEW.rail_number <> OLD.rail_number OR NEW.beneficiary_id <> OLD.beneficiary_id OR NEW.beneficiary_fingerprint <> OLD.beneficiary_fingerprint OR NEW.maker <> OLD.maker OR coalesce(NEW.retry_of, '') <> coalesce(OLD.retry_of, '') OR (OLD.approved_hash IS NOT NULL AND NEW.approved_hash <> OLD.approved_hash) OR (OLD.checker IS NOT NULL AND NEW.checker <> OLD.checker) OR (OLD.reserve_entry_id IS NOT NULL AND coalesce(NEW.reserve_entry_id, 0) <> OLD.reserve_entry_id); SELECT RAISE(ABORT, 'cogrow:payout_step') WHERE (OLD.status || '>' || NEW.status) NOT IN ('proposed>approved', 'proposed>cancelled', 'approved>sending', 'approved>failed', 'sending>sent', 'sending>paid', 'sending>failed', 'sending>unknown', 'sent>paid', 'sent>failed', 'sent>unknown', 'unknown>paid', 'unknown>failed', 'unknown>sent', 'unknown>unknown', 'sent>sent'); SELECT RAISE(ABORT, 'cogrow:not_approved') WHERE NEW.status = 'approved' AND NOT EXISTS (SELECT 1 FROM payout_batch b JOIN approval a ON a.id = b.approval_id AND a.content_hash = b.content_hash WHERE b.id = NEW.batch_id AND b.content_hash = NEW.approved_hash AND EXISTS (SELECT 1 FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id = NEW.checker) AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id <> a.maker)); SELECT RAISE(ABORT, 'cogrow:beneficiary_changed') WHERE NEW.status = 'sending' AND EXISTS (SELECT 1 FROM beneficiary b WHERE b.merchant_id = NEW.merchant_id AND b.id > NEW.beneficiary_id); SELECT RAISE(ABORT, 'cogrow:no_request') WHERE NEW.status = 'sending' AND NOT EXISTS (SELECT 1 FROM payout_attempt t WHERE t.payout_id = NEW.id AND t.kind = 'request'); SELECT RAISE(ABORT, 'cogrow:wrong_reserve') WHERE NEW.status = 'approved' AND NOT EXISTS (SELECT 1 FROM posting p JOIN account c ON c.id = p.account_id WHERE p.entry_id = NEW.reserve_entry_id AND c.kind = 'payable' AND c.merchant_id = NEW.merchant_id AND p.currency = NEW.currency AND p.amount = NEW.amount); SELECT RAISE(ABORT, 'cogrow:wrong_final') WHERE NEW.final_entry_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM posting p JOIN account c ON c.id = p.account_id WHERE p.entry_id = NEW.final_entry_id AND p.amount = -NEW.amount AND p.currency = NEW.currency AND ((c.kind = 'bank' AND NEW.status = 'paid') OR (c.kind = 'payable' AND c.merchant_id = NEW.merchant_id AND NEW.status = 'failed'))); END;;
CREATE TRIGGER period_closes BEFORE UPDATE ON period FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:period_closed') WHERE OLD.status = 'closed'; SELECT RAISE(ABORT, 'cogrow:period_changed') WHERE NEW.id <> OLD.id OR NEW.starts_on <> OLD.starts_on OR NEW.ends_on <> OLD.ends_on; SELECT RAISE(ABORT, 'cogrow:not_approved') WHERE NEW.status = 'closed' AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.id = NEW.approval_id AND a.kind = 'close' AND a.votes_needed <= (SELECT count(*) FROM approval_vote v WHERE v.approval_id = a.id AND v.person_id <> a.maker)); SELECT RAISE(ABORT, 'cogrow:period_order') WHERE NEW.status = 'closed' AND EXISTS (SELECT 1 FROM period d WHERE d.status = 'open' AND d.starts_on < NEW.starts_on); SELECT RAISE(ABORT, 'cogrow:not_the_head') WHERE NEW.status = 'closed' AND NEW.close_head_hash <> coalesce((SELECT s.hash FROM seal s ORDER BY s.seq DESC LIMIT 1), ''); END;;
CREATE TRIGGER period_opens BEFORE INSERT ON period FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:period_closed') WHERE NEW.status <> 'open'; SELECT RAISE(ABORT, 'cogrow:period_overlaps') WHERE EXISTS (SELECT 1 FROM period d WHERE d.id <> NEW.id AND ((d.status = 'closed' AND d.ends_on > NEW.starts_on) OR (d.starts_on < NEW.ends_on AND d.ends_on > NEW.starts_on))); END;;
CREATE TRIGGER seal_chained BEFORE INSERT ON seal FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:chain_broken') WHERE NEW.seq > 1 AND NOT EXISTS (SELECT 1 FROM seal s WHERE s.seq = NEW.seq - 1 AND s.hash = NEW.prev_hash); END;;
CREATE TRIGGER audit_chained BEFORE INSERT ON audit FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'cogrow:chain_broken') WHERE NEW.seq > 1 AND NOT EXISTS (SELECT 1 FROM audit s WHERE s.seq = NEW.seq - 1 AND s.hash = NEW.prev_hash); END;;
INSERT INTO currency (code, exponent, active) VALUES ('AED', 2, 1), ('AUD', 2, 1), ('BHD', 3, 1), ('BRL', 2, 1), ('CAD', 2, 1), ('CHF', 2, 1), ('CLP', 0, 1), ('CNY', 2, 1), ('COP', 2, 1), ('CZK', 2, 1), ('DKK', 2, 1), ('EGP', 2, 1), ('EUR', 2, 1), ('GBP', 2, 1), ('HKD', 2, 1), ('HUF', 2, 1), ('IDR', 2, 1), ('ILS', 2, 1), ('INR', 2, 1), ('JOD', 3, 1), ('JPY', 0, 1), ('KES', 2, 1), ('KRW', 0, 1), ('KWD', 3, 1), ('KZT', 2, 1), ('MAD', 2, 1), ('MOP', 2, 1), ('MXN', 2, 1), ('MYR', 2, 1), ('NGN', 2, 1), ('NOK', 2, 1), ('NZD', 2, 1), ('OMR', 3, 1), ('PEN', 2, 1), ('PHP', 2, 1), ('PKR', 2, 1), ('PLN', 2, 1), ('QAR', 2, 1), ('RON', 2, 1), ('RUB', 2, 1), ('SAR', 2, 1), ('SEK', 2, 1), ('SGD', 2, 1), ('THB', 2, 1), ('TND', 3, 1), ('TRY', 2, 1), ('TWD', 2, 1), ('UAH', 2, 1), ('USD', 2, 1), ('VND', 0, 1), ('ZAR', 2, 1);;
