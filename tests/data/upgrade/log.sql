BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE days (
	day TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	name TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	PRIMARY KEY (day, lang, name)
);
INSERT INTO "days" VALUES('2026-11-18','ru','counted',12);
INSERT INTO "days" VALUES('2026-11-18','ru','miss',12);
INSERT INTO "days" VALUES('2026-11-18','ru','none',6);
INSERT INTO "days" VALUES('2026-11-18','ru','searches',13);
INSERT INTO "days" VALUES('2026-11-18','ru','surface:box',13);
INSERT INTO "days" VALUES('2026-11-18','ru','clicked',2);
INSERT INTO "days" VALUES('2026-11-18','ru','rank:1',2);
INSERT INTO "days" VALUES('2026-11-18','ru','weak',3);
INSERT INTO "days" VALUES('2026-11-18','ru','ignored',2);
INSERT INTO "days" VALUES('2026-11-19','ru','counted',22);
INSERT INTO "days" VALUES('2026-11-19','ru','miss',22);
INSERT INTO "days" VALUES('2026-11-19','ru','searches',24);
INSERT INTO "days" VALUES('2026-11-19','ru','surface:box',24);
INSERT INTO "days" VALUES('2026-11-19','ru','weak',7);
INSERT INTO "days" VALUES('2026-11-19','ru','ignored',5);
INSERT INTO "days" VALUES('2026-11-19','ru','none',10);
INSERT INTO "days" VALUES('2026-11-19','ru','clicked',2);
INSERT INTO "days" VALUES('2026-11-19','ru','rank:1',2);
INSERT INTO "days" VALUES('2026-11-20','ru','counted',20);
INSERT INTO "days" VALUES('2026-11-20','ru','miss',20);
INSERT INTO "days" VALUES('2026-11-20','ru','searches',22);
INSERT INTO "days" VALUES('2026-11-20','ru','surface:box',22);
INSERT INTO "days" VALUES('2026-11-20','ru','weak',8);
INSERT INTO "days" VALUES('2026-11-20','ru','ignored',5);
INSERT INTO "days" VALUES('2026-11-20','ru','none',7);
INSERT INTO "days" VALUES('2026-11-20','ru','robots',1);
INSERT INTO "days" VALUES('2026-11-20','ru','clicked',2);
INSERT INTO "days" VALUES('2026-11-20','ru','rank:1',2);
INSERT INTO "days" VALUES('2026-11-18','ru','unhelpful',1);
INSERT INTO "days" VALUES('2026-11-18','ru','ticketed',1);
CREATE TABLE events (
	run TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	slug TEXT NOT NULL, 
	ms BIGINT NOT NULL, 
	rank BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (run, kind, slug, ms)
);
INSERT INTO "events" VALUES('r12','click','ru/password',900,1,1795043202000);
INSERT INTO "events" VALUES('r22','click','ru/password',900,1,1795079202000);
INSERT INTO "events" VALUES('r32','click','ru/password',900,1,1795115202000);
INSERT INTO "events" VALUES('r42','click','ru/password',900,1,1795151202000);
INSERT INTO "events" VALUES('r52','click','ru/password',900,1,1795187202000);
CREATE TABLE feedback (
	id TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	slug TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	text TEXT NOT NULL, 
	run TEXT NOT NULL, 
	helpful BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "feedback" VALUES('r12:ru/password',1795046800000,'ru/password','outdated','Кнопки нет','r12',0);
INSERT INTO "feedback" VALUES('r13:ru/vpn',1795050400000,'ru/vpn','','','r13',1);
CREATE TABLE group_days (
	group_id BIGINT NOT NULL, 
	day TEXT NOT NULL, 
	past BIGINT NOT NULL, 
	first BIGINT DEFAULT '0' NOT NULL, 
	last BIGINT DEFAULT '0' NOT NULL, 
	visits BIGINT DEFAULT '0' NOT NULL, 
	searches BIGINT DEFAULT '0' NOT NULL, 
	tickets BIGINT DEFAULT '0' NOT NULL, 
	n_filtered BIGINT DEFAULT '0' NOT NULL, 
	n_none BIGINT DEFAULT '0' NOT NULL, 
	n_weak BIGINT DEFAULT '0' NOT NULL, 
	n_rescued BIGINT DEFAULT '0' NOT NULL, 
	n_refined BIGINT DEFAULT '0' NOT NULL, 
	n_ignored BIGINT DEFAULT '0' NOT NULL, 
	n_ticketed BIGINT DEFAULT '0' NOT NULL, 
	n_unhelpful BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (group_id, day, past)
)
 WITHOUT ROWID

;
INSERT INTO "group_days" VALUES(1,'2026-11-18',0,1795036002000,1795036002000,1,1,0,0,1,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(1,'2026-11-18',1,1795000002000,1795018002000,2,2,0,0,2,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(1,'2026-11-19',0,1795054002000,1795126002000,5,5,0,0,5,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(1,'2026-11-20',0,1795144002000,1795198002000,4,4,0,0,4,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(2,'2026-11-18',0,1795032402000,1795039602000,2,2,1,0,1,1,0,0,0,1,0);
INSERT INTO "group_days" VALUES(2,'2026-11-18',1,1795003602000,1795014402000,2,2,0,0,1,0,0,0,1,0,0);
INSERT INTO "group_days" VALUES(2,'2026-11-19',0,1795050402000,1795122402000,8,8,0,0,3,2,0,0,3,0,0);
INSERT INTO "group_days" VALUES(2,'2026-11-20',0,1795140402000,1795212402000,7,7,0,0,2,3,0,0,2,0,0);
INSERT INTO "group_days" VALUES(3,'2026-11-18',1,1795010802000,1795010802000,1,1,0,0,0,1,0,0,0,0,0);
INSERT INTO "group_days" VALUES(3,'2026-11-19',0,1795064802000,1795118802000,2,2,0,0,0,1,0,0,1,0,0);
INSERT INTO "group_days" VALUES(3,'2026-11-20',0,1795172802000,1795172802000,1,1,0,0,0,0,0,0,1,0,0);
INSERT INTO "group_days" VALUES(4,'2026-11-18',1,1795014402000,1795014402000,1,1,0,0,0,0,0,0,1,0,0);
INSERT INTO "group_days" VALUES(5,'2026-11-18',1,1795021602000,1795021602000,1,1,0,0,1,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(5,'2026-11-19',0,1795075602000,1795129602000,2,2,0,0,2,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(5,'2026-11-20',0,1795183602000,1795183602000,1,1,0,0,1,0,0,0,0,0,0);
INSERT INTO "group_days" VALUES(6,'2026-11-18',1,1795025202000,1795025202000,1,1,0,0,0,1,0,0,0,0,0);
INSERT INTO "group_days" VALUES(6,'2026-11-19',0,1795061202000,1795061202000,1,1,0,0,0,1,0,0,0,0,0);
INSERT INTO "group_days" VALUES(6,'2026-11-20',0,1795133202000,1795169202000,2,2,0,0,0,2,0,0,0,0,0);
INSERT INTO "group_days" VALUES(7,'2026-11-18',0,1795028802000,1795028802000,1,1,0,0,0,0,0,0,1,0,0);
INSERT INTO "group_days" VALUES(7,'2026-11-19',0,1795046802000,1795100802000,3,3,0,0,0,2,0,0,1,0,0);
INSERT INTO "group_days" VALUES(7,'2026-11-20',0,1795136802000,1795208802000,4,4,0,0,0,2,0,0,2,0,0);
INSERT INTO "group_days" VALUES(8,'2026-11-18',0,1795043202000,1795043202000,1,1,0,0,0,0,0,0,0,0,1);
INSERT INTO "group_days" VALUES(8,'2026-11-19',0,1795097202000,1795097202000,1,1,0,0,0,1,0,0,0,0,0);
INSERT INTO "group_days" VALUES(8,'2026-11-20',0,1795205202000,1795205202000,1,1,0,0,0,1,0,0,0,0,0);
CREATE TABLE group_words (
	word TEXT NOT NULL, 
	group_id BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	PRIMARY KEY (word, group_id)
);
INSERT INTO "group_words" VALUES('в',1,4);
INSERT INTO "group_words" VALUES('как',1,4);
INSERT INTO "group_words" VALUES('офис',1,4);
INSERT INTO "group_words" VALUES('телепорт',1,4);
INSERT INTO "group_words" VALUES('возврат',2,2);
INSERT INTO "group_words" VALUES('деньга',2,2);
INSERT INTO "group_words" VALUES('vpn',3,3);
INSERT INTO "group_words" VALUES('как',3,3);
INSERT INTO "group_words" VALUES('медленный',3,3);
INSERT INTO "group_words" VALUES('не',4,3);
INSERT INTO "group_words" VALUES('письмо',4,3);
INSERT INTO "group_words" VALUES('прийти',4,3);
INSERT INTO "group_words" VALUES('возврат',5,3);
INSERT INTO "group_words" VALUES('деньга',5,3);
INSERT INTO "group_words" VALUES('как',5,3);
INSERT INTO "group_words" VALUES('пароль',6,2);
INSERT INTO "group_words" VALUES('сбросить',6,2);
INSERT INTO "group_words" VALUES('vpn',7,2);
INSERT INTO "group_words" VALUES('медленный',7,2);
INSERT INTO "group_words" VALUES('как',8,3);
INSERT INTO "group_words" VALUES('пароль',8,3);
INSERT INTO "group_words" VALUES('сбросить',8,3);
CREATE TABLE "groups" (
	id BIGINT NOT NULL, 
	question TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	words TEXT NOT NULL, 
	status TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	note TEXT NOT NULL, 
	first BIGINT NOT NULL, 
	last BIGINT NOT NULL, 
	visits BIGINT NOT NULL, 
	searches BIGINT NOT NULL, 
	tickets BIGINT NOT NULL, 
	kinds TEXT NOT NULL, 
	answer_slug TEXT NOT NULL, 
	answer_build TEXT NOT NULL, 
	answer_commit TEXT NOT NULL, 
	answer_rank BIGINT NOT NULL, 
	answer_committed BIGINT NOT NULL, 
	answer_at BIGINT NOT NULL, 
	triage TEXT NOT NULL, 
	dismissed_reason TEXT NOT NULL, 
	dismissed_until BIGINT NOT NULL, 
	merged_into BIGINT NOT NULL, 
	priority BIGINT NOT NULL, 
	category TEXT DEFAULT ('') NOT NULL, 
	cause TEXT DEFAULT ('') NOT NULL, 
	triage_build TEXT DEFAULT ('') NOT NULL, 
	mask BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "groups" VALUES(1,'как телепорт в офис','ru','в как офис телепорт','assigned','Борис','Спросить у разработчиков',1795000002000,1795198002000,12,12,0,'{"none":12}','','','',0,0,0,'','',0,0,12,'','','',2);
INSERT INTO "groups" VALUES(2,'возврат денег','ru','возврат деньга','answered','Анна','',1795003602000,1795212402000,19,19,1,'{"ignored":6,"none":7,"ticketed":1,"weak":6}','ru/vpn','20261129-072500-9e0700','c0ffee',1,0,1795288000000,'','',0,0,57,'','','',102);
INSERT INTO "groups" VALUES(3,'как vpn медленный','ru','vpn как медленный','dismissed','Анна','',1795010802000,1795172802000,4,4,0,'{"ignored":2,"weak":2}','','','',0,0,0,'','не о нас',0,0,4,'','','',36);
INSERT INTO "groups" VALUES(4,'письмо не пришло','ru','не письмо прийти','assigned','Анна','',1795014402000,1795014402000,1,1,0,'{"ignored":1}','','','',0,0,0,'','',0,2,1,'','','',32);
INSERT INTO "groups" VALUES(5,'как возврат денег','ru','возврат деньга как','assigned','Анна','',1795021602000,1795183602000,4,4,0,'{"none":4}','','','',0,0,0,'','',0,0,4,'','','',2);
INSERT INTO "groups" VALUES(6,'сбросить пароль','ru','пароль сбросить','assigned','Анна','',1795025202000,1795169202000,4,4,0,'{"weak":4}','','','',0,0,0,'','',0,0,4,'','','',4);
INSERT INTO "groups" VALUES(7,'vpn медленный','ru','vpn медленный','assigned','Анна','',1795028802000,1795208802000,8,8,0,'{"ignored":4,"weak":4}','','','',0,0,0,'','',0,0,8,'','','',36);
INSERT INTO "groups" VALUES(8,'как сбросить пароль','ru','как пароль сбросить','assigned','Анна','',1795043202000,1795205202000,3,3,0,'{"unhelpful":1,"weak":2}','','','',0,0,0,'','',0,0,3,'','','',132);
CREATE TABLE history (
	id BIGINT NOT NULL, 
	group_id BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	what TEXT NOT NULL, 
	detail TEXT NOT NULL, action BIGINT DEFAULT '0' NOT NULL, data TEXT DEFAULT '' NOT NULL, undone BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "history" VALUES(1,1,1795000002000,'','assigned','Анна',1,'',0);
INSERT INTO "history" VALUES(2,2,1795003602000,'','assigned','Анна',2,'',0);
INSERT INTO "history" VALUES(3,3,1795010802000,'','assigned','Анна',3,'',0);
INSERT INTO "history" VALUES(4,4,1795014402000,'','assigned','Анна',4,'',0);
INSERT INTO "history" VALUES(5,5,1795021602000,'','assigned','Анна',5,'',0);
INSERT INTO "history" VALUES(6,6,1795025202000,'','assigned','Анна',6,'',0);
INSERT INTO "history" VALUES(7,7,1795028802000,'','assigned','Анна',7,'',0);
INSERT INTO "history" VALUES(8,8,1795097202000,'','assigned','Анна',8,'',0);
INSERT INTO "history" VALUES(9,1,1795252000000,'Мария','assigned','Борис',9,'{"before":{"owner":"Анна","status":"assigned"},"after":{"owner":"Борис","status":"assigned"}}',0);
INSERT INTO "history" VALUES(10,1,1795937105624,'Мария','note','Спросить у разработчиков',10,'{"before":{"note":""},"after":{"note":"Спросить у разработчиков"}}',0);
INSERT INTO "history" VALUES(11,3,1795255600000,'Мария','dismissed','не о нас',11,'{"before":{"status":"assigned","dismissed_reason":"","dismissed_until":0},"after":{"status":"dismissed","dismissed_reason":"не о нас","dismissed_until":0}}',0);
INSERT INTO "history" VALUES(12,4,1795259200000,'Мария','merged into','2',12,'{"before":{"merged_into":0},"after":{"merged_into":2},"did":"merge","family":[]}',0);
INSERT INTO "history" VALUES(13,2,1795259200000,'Мария','merged','4',12,'',0);
INSERT INTO "history" VALUES(14,2,1795288000000,'','answered','ru/vpn',14,'',0);
CREATE TABLE phrasings (
	group_id BIGINT NOT NULL, 
	phrase TEXT NOT NULL, 
	"query" TEXT DEFAULT '' NOT NULL, 
	visits BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (group_id, phrase)
)
 WITHOUT ROWID

;
INSERT INTO "phrasings" VALUES(1,'как телепорт в офис','как телепорт в офис',3);
INSERT INTO "phrasings" VALUES(1,'телепорт в офис','телепорт в офис',7);
INSERT INTO "phrasings" VALUES(2,'возврат денег','возврат денег',6);
INSERT INTO "phrasings" VALUES(2,'как письмо не пришло','как письмо не пришло',4);
INSERT INTO "phrasings" VALUES(2,'письмо не пришло','письмо не пришло',7);
INSERT INTO "phrasings" VALUES(3,'как vpn медленный','как vpn медленный',3);
INSERT INTO "phrasings" VALUES(4,'письмо не пришло','письмо не пришло',0);
INSERT INTO "phrasings" VALUES(5,'как возврат денег','как возврат денег',3);
INSERT INTO "phrasings" VALUES(6,'сбросить пароль','сбросить пароль',3);
INSERT INTO "phrasings" VALUES(7,'vpn медленный','vpn медленный',8);
INSERT INTO "phrasings" VALUES(8,'как сбросить пароль','как сбросить пароль',3);
CREATE TABLE reports (
	id TEXT NOT NULL, 
	report TEXT NOT NULL, 
	run TEXT NOT NULL, 
	visit TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "reports" VALUES('r8','r8','r8','v4',1795028802000);
INSERT INTO "reports" VALUES('r9','r9','r9','v4',1795032402000);
INSERT INTO "reports" VALUES('r10','r10','r10','v5',1795036002000);
INSERT INTO "reports" VALUES('r11','r11','r11','v5',1795039602000);
INSERT INTO "reports" VALUES('r12','r12','r12','v6',1795043202000);
INSERT INTO "reports" VALUES('r13','r13','r13','v6',1795046802000);
INSERT INTO "reports" VALUES('r14','r14','r14','v7',1795050402000);
INSERT INTO "reports" VALUES('r15','r15','r15','v7',1795054002000);
INSERT INTO "reports" VALUES('r16','r16','r16','v8',1795057602000);
INSERT INTO "reports" VALUES('r17','r17','r17','v8',1795061202000);
INSERT INTO "reports" VALUES('r18','r18','r18','v9',1795064802000);
INSERT INTO "reports" VALUES('r19','r19','r19','v9',1795068402000);
INSERT INTO "reports" VALUES('r20','r20','r20','v10',1795072002000);
INSERT INTO "reports" VALUES('r21','r21','r21','v10',1795075602000);
INSERT INTO "reports" VALUES('r22','r22','r22','v11',1795079202000);
INSERT INTO "reports" VALUES('r23','r23','r23','v11',1795082802000);
INSERT INTO "reports" VALUES('r24','r24','r24','v12',1795086402000);
INSERT INTO "reports" VALUES('r25','r25','r25','v12',1795090002000);
INSERT INTO "reports" VALUES('r26','r26','r26','v13',1795093602000);
INSERT INTO "reports" VALUES('r27','r27','r27','v13',1795097202000);
INSERT INTO "reports" VALUES('r28','r28','r28','v14',1795100802000);
INSERT INTO "reports" VALUES('r29','r29','r29','v14',1795104402000);
INSERT INTO "reports" VALUES('r30','r30','r30','v15',1795108002000);
INSERT INTO "reports" VALUES('r31','r31','r31','v15',1795111602000);
INSERT INTO "reports" VALUES('r32','r32','r32','v16',1795115202000);
INSERT INTO "reports" VALUES('r33','r33','r33','v16',1795118802000);
INSERT INTO "reports" VALUES('r34','r34','r34','v17',1795122402000);
INSERT INTO "reports" VALUES('r35','r35','r35','v17',1795126002000);
INSERT INTO "reports" VALUES('r36','r36','r36','v18',1795129602000);
INSERT INTO "reports" VALUES('r37','r37','r37','v18',1795133202000);
INSERT INTO "reports" VALUES('r38','r38','r38','v19',1795136802000);
INSERT INTO "reports" VALUES('r39','r39','r39','v19',1795140402000);
INSERT INTO "reports" VALUES('r40','r40','r40','v20',1795144002000);
INSERT INTO "reports" VALUES('r41','r41','r41','v20',1795147602000);
INSERT INTO "reports" VALUES('r42','r42','r42','v21',1795151202000);
INSERT INTO "reports" VALUES('r43','r43','r43','v21',1795154802000);
INSERT INTO "reports" VALUES('r44','r44','r44','v22',1795158402000);
INSERT INTO "reports" VALUES('r45','r45','r45','v22',1795162002000);
INSERT INTO "reports" VALUES('r46','r46','r46','v23',1795165602000);
INSERT INTO "reports" VALUES('r47','r47','r47','v23',1795169202000);
INSERT INTO "reports" VALUES('r48','r48','r48','v24',1795172802000);
INSERT INTO "reports" VALUES('r49','r49','r49','v24',1795176402000);
INSERT INTO "reports" VALUES('r50','r50','r50','v25',1795180002000);
INSERT INTO "reports" VALUES('r51','r51','r51','v25',1795183602000);
INSERT INTO "reports" VALUES('r52','r52','r52','v26',1795187202000);
INSERT INTO "reports" VALUES('r53','r53','r53','v26',1795190802000);
INSERT INTO "reports" VALUES('r54','r54','r54','v27',1795194402000);
INSERT INTO "reports" VALUES('r55','r55','r55','v27',1795198002000);
INSERT INTO "reports" VALUES('r56','r56','r56','v28',1795201602000);
INSERT INTO "reports" VALUES('r57','r57','r57','v28',1795205202000);
INSERT INTO "reports" VALUES('r58','r58','r58','v29',1795208802000);
INSERT INTO "reports" VALUES('r59','r59','r59','v29',1795212402000);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	visit TEXT NOT NULL, 
	"query" TEXT NOT NULL, 
	phrase TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	words TEXT NOT NULL, 
	lang TEXT NOT NULL, 
	surface TEXT NOT NULL, 
	filters TEXT NOT NULL, 
	build TEXT NOT NULL, 
	correction TEXT NOT NULL, 
	corrected TEXT NOT NULL, 
	shown TEXT NOT NULL, 
	total BIGINT NOT NULL, 
	unfiltered BIGINT, 
	confident BOOLEAN NOT NULL, 
	keystrokes BIGINT NOT NULL, 
	ms BIGINT NOT NULL, 
	started BIGINT NOT NULL, 
	ended BIGINT NOT NULL, 
	seen BIGINT NOT NULL, 
	clicked BOOLEAN NOT NULL, 
	answered BOOLEAN NOT NULL, 
	refined BOOLEAN NOT NULL, 
	ticketed BOOLEAN NOT NULL, 
	unhelpful BOOLEAN NOT NULL, 
	robot BOOLEAN NOT NULL, 
	kind TEXT, 
	miss BOOLEAN NOT NULL, 
	counted BOOLEAN NOT NULL, 
	group_id BIGINT, 
	day TEXT NOT NULL, asks BIGINT, rank BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('r8','v4','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795028800000,1795028802000,3000,0,0,0,0,0,0,'ignored',1,1,7,'2026-11-18',7,0);
INSERT INTO "runs" VALUES('r9','v4','как письмо не пришло','как письмо не пришло','как письмо не прийти','как не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795032400000,1795032402000,3000,0,0,0,1,0,0,'weak',1,1,2,'2026-11-18',4,0);
INSERT INTO "runs" VALUES('r10','v5','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795036000000,1795036002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-18',1,0);
INSERT INTO "runs" VALUES('r11','v5','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795039600000,1795039602000,3000,0,0,0,0,0,0,'none',1,1,2,'2026-11-18',2,0);
INSERT INTO "runs" VALUES('r12','v6','как сбросить пароль','как сбросить пароль','как сбросить пароль','как пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795043200000,1795043202000,3000,1,0,0,0,1,0,NULL,1,1,8,'2026-11-18',8,1);
INSERT INTO "runs" VALUES('r13','v6','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795046800000,1795046802000,3000,0,0,0,0,0,0,'weak',1,1,7,'2026-11-19',7,0);
INSERT INTO "runs" VALUES('r14','v7','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795050400000,1795050402000,3000,0,0,0,0,0,0,'ignored',1,1,2,'2026-11-19',4,0);
INSERT INTO "runs" VALUES('r15','v7','как телепорт в офис','как телепорт в офис','как телепорт в офис','в как офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795054000000,1795054002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-19',1,0);
INSERT INTO "runs" VALUES('r16','v8','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795057600000,1795057602000,3000,0,0,0,0,0,0,'none',1,1,2,'2026-11-19',2,0);
INSERT INTO "runs" VALUES('r17','v8','сбросить пароль','сбросить пароль','сбросить пароль','пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795061200000,1795061202000,3000,0,0,0,0,0,0,'weak',1,1,6,'2026-11-19',6,0);
INSERT INTO "runs" VALUES('r18','v9','как vpn медленный','как vpn медленный','как vpn медленный','vpn как медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795064800000,1795064802000,3000,0,0,0,0,0,0,'ignored',1,1,3,'2026-11-19',3,0);
INSERT INTO "runs" VALUES('r19','v9','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795068400000,1795068402000,3000,0,0,0,0,0,0,'weak',1,1,2,'2026-11-19',4,0);
INSERT INTO "runs" VALUES('r20','v10','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795072000000,1795072002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-19',1,0);
INSERT INTO "runs" VALUES('r21','v10','как возврат денег','как возврат денег','как возврат деньга','возврат деньга как','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795075600000,1795075602000,3000,0,0,0,0,0,0,'none',1,1,5,'2026-11-19',5,0);
INSERT INTO "runs" VALUES('r22','v11','сбросить пароль','сбросить пароль','сбросить пароль','пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795079200000,1795079202000,3000,1,0,0,0,0,0,NULL,0,0,NULL,'2026-11-19',NULL,1);
INSERT INTO "runs" VALUES('r23','v11','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795082800000,1795082802000,3000,0,0,0,0,0,0,'weak',1,1,7,'2026-11-19',7,0);
INSERT INTO "runs" VALUES('r24','v12','как письмо не пришло','как письмо не пришло','как письмо не прийти','как не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795086400000,1795086402000,3000,0,0,0,0,0,0,'ignored',1,1,2,'2026-11-19',4,0);
INSERT INTO "runs" VALUES('r25','v12','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795090000000,1795090002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-19',1,0);
INSERT INTO "runs" VALUES('r26','v13','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795093600000,1795093602000,3000,0,0,0,0,0,0,'none',1,1,2,'2026-11-19',2,0);
INSERT INTO "runs" VALUES('r27','v13','как сбросить пароль','как сбросить пароль','как сбросить пароль','как пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795097200000,1795097202000,3000,0,0,0,0,0,0,'weak',1,1,8,'2026-11-19',8,0);
INSERT INTO "runs" VALUES('r28','v14','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795100800000,1795100802000,3000,0,0,0,0,0,0,'ignored',1,1,7,'2026-11-19',7,0);
INSERT INTO "runs" VALUES('r29','v14','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795104400000,1795104402000,3000,0,0,0,0,0,0,'weak',1,1,2,'2026-11-19',4,0);
INSERT INTO "runs" VALUES('r30','v15','как телепорт в офис','как телепорт в офис','как телепорт в офис','в как офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795108000000,1795108002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-19',1,0);
INSERT INTO "runs" VALUES('r31','v15','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795111600000,1795111602000,3000,0,0,0,0,0,0,'none',1,1,2,'2026-11-19',2,0);
INSERT INTO "runs" VALUES('r32','v16','сбросить пароль','сбросить пароль','сбросить пароль','пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795115200000,1795115202000,3000,1,0,0,0,0,0,NULL,0,0,NULL,'2026-11-19',NULL,1);
INSERT INTO "runs" VALUES('r33','v16','как vpn медленный','как vpn медленный','как vpn медленный','vpn как медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795118800000,1795118802000,3000,0,0,0,0,0,0,'weak',1,1,3,'2026-11-19',3,0);
INSERT INTO "runs" VALUES('r34','v17','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795122400000,1795122402000,3000,0,0,0,0,0,0,'ignored',1,1,2,'2026-11-19',4,0);
INSERT INTO "runs" VALUES('r35','v17','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795126000000,1795126002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-19',1,0);
INSERT INTO "runs" VALUES('r36','v18','как возврат денег','как возврат денег','как возврат деньга','возврат деньга как','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795129600000,1795129602000,3000,0,0,0,0,0,0,'none',1,1,5,'2026-11-19',5,0);
INSERT INTO "runs" VALUES('r37','v18','сбросить пароль','сбросить пароль','сбросить пароль','пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795133200000,1795133202000,3000,0,0,0,0,0,0,'weak',1,1,6,'2026-11-20',6,0);
INSERT INTO "runs" VALUES('r38','v19','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795136800000,1795136802000,3000,0,0,0,0,0,0,'ignored',1,1,7,'2026-11-20',7,0);
INSERT INTO "runs" VALUES('r39','v19','как письмо не пришло','как письмо не пришло','как письмо не прийти','как не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795140400000,1795140402000,3000,0,0,0,0,0,0,'weak',1,1,2,'2026-11-20',4,0);
INSERT INTO "runs" VALUES('r40','v20','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795144000000,1795144002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-20',1,0);
INSERT INTO "runs" VALUES('r41','v20','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795147600000,1795147602000,3000,0,0,0,0,0,1,'none',1,1,NULL,'2026-11-20',NULL,0);
INSERT INTO "runs" VALUES('r42','v21','как сбросить пароль','как сбросить пароль','как сбросить пароль','как пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795151200000,1795151202000,3000,1,0,0,0,0,0,NULL,0,0,NULL,'2026-11-20',NULL,1);
INSERT INTO "runs" VALUES('r43','v21','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795154800000,1795154802000,3000,0,0,0,0,0,0,'weak',1,1,7,'2026-11-20',7,0);
INSERT INTO "runs" VALUES('r44','v22','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795158400000,1795158402000,3000,0,0,0,0,0,0,'ignored',1,1,2,'2026-11-20',4,0);
INSERT INTO "runs" VALUES('r45','v22','как телепорт в офис','как телепорт в офис','как телепорт в офис','в как офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795162000000,1795162002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-20',1,0);
INSERT INTO "runs" VALUES('r46','v23','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795165600000,1795165602000,3000,0,0,0,0,0,0,'none',1,1,2,'2026-11-20',2,0);
INSERT INTO "runs" VALUES('r47','v23','сбросить пароль','сбросить пароль','сбросить пароль','пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795169200000,1795169202000,3000,0,0,0,0,0,0,'weak',1,1,6,'2026-11-20',6,0);
INSERT INTO "runs" VALUES('r48','v24','как vpn медленный','как vpn медленный','как vpn медленный','vpn как медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795172800000,1795172802000,3000,0,0,0,0,0,0,'ignored',1,1,3,'2026-11-20',3,0);
INSERT INTO "runs" VALUES('r49','v24','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795176400000,1795176402000,3000,0,0,0,0,0,0,'weak',1,1,2,'2026-11-20',4,0);
INSERT INTO "runs" VALUES('r50','v25','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795180000000,1795180002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-20',1,0);
INSERT INTO "runs" VALUES('r51','v25','как возврат денег','как возврат денег','как возврат деньга','возврат деньга как','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795183600000,1795183602000,3000,0,0,0,0,0,0,'none',1,1,5,'2026-11-20',5,0);
INSERT INTO "runs" VALUES('r52','v26','сбросить пароль','сбросить пароль','сбросить пароль','пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795187200000,1795187202000,3000,1,0,0,0,0,0,NULL,0,0,NULL,'2026-11-20',NULL,1);
INSERT INTO "runs" VALUES('r53','v26','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795190800000,1795190802000,3000,0,0,0,0,0,0,'weak',1,1,7,'2026-11-20',7,0);
INSERT INTO "runs" VALUES('r54','v27','как письмо не пришло','как письмо не пришло','как письмо не прийти','как не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795194400000,1795194402000,3000,0,0,0,0,0,0,'ignored',1,1,2,'2026-11-20',4,0);
INSERT INTO "runs" VALUES('r55','v27','телепорт в офис','телепорт в офис','телепорт в офис','в офис телепорт','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795198000000,1795198002000,3000,0,0,0,0,0,0,'none',1,1,1,'2026-11-20',1,0);
INSERT INTO "runs" VALUES('r56','v28','возврат денег','возврат денег','возврат деньга','возврат деньга','ru','box','{}','20261129-072500-9e0700','','','[]',0,NULL,0,9,2000,1795201600000,1795201602000,3000,0,0,0,0,0,0,'none',1,1,2,'2026-11-20',2,0);
INSERT INTO "runs" VALUES('r57','v28','как сбросить пароль','как сбросить пароль','как сбросить пароль','как пароль сбросить','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795205200000,1795205202000,3000,0,0,0,0,0,0,'weak',1,1,8,'2026-11-20',8,0);
INSERT INTO "runs" VALUES('r58','v29','vpn медленный','vpn медленный','vpn медленный','vpn медленный','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,1,9,2000,1795208800000,1795208802000,3000,0,0,0,0,0,0,'ignored',1,1,7,'2026-11-20',7,0);
INSERT INTO "runs" VALUES('r59','v29','письмо не пришло','письмо не пришло','письмо не прийти','не письмо прийти','ru','box','{}','20261129-072500-9e0700','','','[["ru/password",1],["ru/vpn",2]]',2,NULL,0,9,2000,1795212400000,1795212402000,3000,0,0,0,0,0,0,'weak',1,1,2,'2026-11-20',4,0);
CREATE TABLE sent (
	visit TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (visit, at)
);
INSERT INTO "sent" VALUES('v4',1795032400000);
CREATE TABLE tickets (
	id TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	lang TEXT NOT NULL, 
	type TEXT NOT NULL, 
	text TEXT NOT NULL, 
	reply_to TEXT NOT NULL, 
	offered TEXT NOT NULL, replied BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tickets" VALUES('ed3120e5f08a486cadf437a5834218b7',1795032400000,'','вход','Не приходит письмо, мой адрес не тот','ivan@example.com','["ru/password"]',0);
CREATE INDEX runs_visit ON runs (visit, started);
CREATE INDEX runs_ended ON runs (ended);
CREATE INDEX reports_report ON reports (report);
CREATE INDEX reports_run ON reports (run);
CREATE INDEX events_slug ON events (kind, slug);
CREATE INDEX group_words_group ON group_words (group_id);
CREATE INDEX history_group ON history (group_id);
CREATE INDEX feedback_run ON feedback (run);
CREATE INDEX feedback_slug ON feedback (slug);
CREATE INDEX runs_group ON runs (group_id, day, visit);
CREATE INDEX runs_asked ON runs (group_id, phrase, visit);
CREATE INDEX runs_phrase ON runs (lang, phrase);
CREATE INDEX runs_surface ON runs (surface, day);
CREATE INDEX group_days_day ON group_days (day, group_id, searches);
CREATE INDEX groups_board ON groups (merged_into, id, status, owner, category, lang, cause, mask, visits, tickets, priority, first, last);
CREATE INDEX groups_answered ON groups (answer_at, status, merged_into, answer_slug, answer_committed, first, searches, tickets);
CREATE INDEX history_action ON history (action);
CREATE INDEX history_who ON history (who, action);
CREATE INDEX tickets_at ON tickets (at);
CREATE INDEX feedback_at ON feedback (at);
COMMIT;
