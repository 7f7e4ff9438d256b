//! Text that no machine is sure to have, generated the same each time: CJK from common words in the
//! proportions of real text (short words, a comma after some five, a full stop after some fifteen), and
//! English prose with emoji of all kinds between its words.

/// Common words of Chinese, frequent ones first.
const CHINESE: &str = "的 是 在 了 我们 他们 一个 这个 可以 没有 不 人 中国 问题 工作 时间 发展 社会 经济 \
    数据库 系统 用户 文件 搜索 信息 技术 方法 研究 结果 语言 城市 学生 老师 世界 历史 文化 环境 管理 \
    计算机 网络 服务 需要 通过 使用 进行 提供 认为 表示 开始 成为 具有 根据 因此 但是 如果 虽然 同时 \
    已经 非常 重要 主要 不同 新的 大量 国家 政府 公司 市场 产品 生活 教育 科学 图书馆 文本 检索 句子";
const JAPANESE: &str = "の は に を が と で も です ます した する いる ある この その これ それ こと もの \
    ため よう から まで など 日本 東京 会社 仕事 時間 問題 情報 データベース システム ユーザー ファイル 検索 \
    言語 文章 文書 研究 技術 結果 方法 学生 先生 世界 歴史 文化 環境 管理 コンピューター ネットワーク サービス \
    必要 利用 提供 開始 重要 新しい 大きい 小さい 多く 国 政府 市場 製品 生活 教育 科学 図書館 読む 書く 分ける";
const KOREAN: &str = "그리고 이것은 있는 있다 하는 한다 대한 우리는 사람이 시간을 문제를 정보를 데이터베이스 \
    시스템은 사용자가 파일을 검색 언어 문장 문서를 연구 기술 결과는 방법으로 학생들은 선생님 세계 역사 문화 환경 \
    관리 컴퓨터 네트워크 서비스 필요한 사용하여 제공한다 시작했다 중요한 새로운 많은 국가 정부는 시장에서 제품 생활 \
    교육 과학 도서관에서 읽는다 나눈다";

/// With joiners, skin tones, flags, a keycap, a variation selector, and plain ones.
const EMOJI: &str = "😀 🎉 ❤️ 👍🏽 👨‍👩‍👧‍👦 🇩🇪 🇯🇵 🏳️‍🌈 1️⃣ 🚀 🤷🏻‍♀️ ✅ 🧑‍💻 ☕ 🔥 👩🏾‍🚒 🐈‍⬛ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 😂 ✨";

/// A linear congruential generator: enough for choosing words.
pub struct Chance(pub u64);

impl Chance {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// One of them, the first ones more often.
    fn word<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let end = 1 + self.below(words.len());
        words[self.below(end)]
    }
}

/// Paragraphs of Chinese, Japanese and Korean in turn, until there are `size` bytes.
pub fn cjk(size: usize) -> String {
    let words =
        [CHINESE, JAPANESE, KOREAN].map(|words| words.split_whitespace().collect::<Vec<_>>());
    let mut chance = Chance(1);
    let mut text = String::with_capacity(size + 10_000);
    for paragraph in 0.. {
        let language = paragraph % words.len();
        let korean = language == 2;
        let (comma, stop) = if korean { (", ", ". ") } else { ("、", "。") };
        for _ in 0..2 + chance.below(12) {
            let length = 6 + chance.below(20);
            for place in 1..=length {
                text.push_str(chance.word(&words[language]));
                if place < length && chance.below(6) == 0 {
                    text.push_str(comma);
                } else if place < length && korean {
                    text.push(' ');
                }
            }
            // A name or a number in Latin letters, as technical text has them.
            if chance.below(12) == 0 {
                text.push_str("PostgreSQL 15");
            }
            text.push_str(stop);
        }
        text.push_str(if chance.below(3) == 0 { "\n\n" } else { "\n" });
        if text.len() >= size {
            break;
        }
    }
    text.truncate(text.floor_char_boundary(size));
    text
}

/// Messages: a line each, with an emoji, or a few, after every few words.
pub fn emoji(prose: &str, size: usize) -> String {
    let emoji: Vec<&str> = EMOJI.split_whitespace().collect();
    let mut chance = Chance(2);
    let mut text = String::with_capacity(size + 1_000);
    if prose.is_empty() {
        return text;
    }
    for word in prose.split(' ').cycle() {
        text.push_str(word);
        text.push(' ');
        if chance.below(4) == 0 {
            for _ in 0..1 + chance.below(3) {
                text.push_str(chance.word(&emoji));
            }
            text.push(if chance.below(8) == 0 { '\n' } else { ' ' });
        }
        if text.len() >= size {
            break;
        }
    }
    text.truncate(text.floor_char_boundary(size));
    text
}
